//! The deliveries part.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use fanfare_app::port::deliveries::{
    Backlog, Count, Deliveries, DeliveryQuery, Due, Expired, InTurn, Placed, Settled, Settlement,
    Tally, WaitingLane,
};
use fanfare_app::port::error::StoreError;
use fanfare_app::port::log::Position;
use fanfare_domain::attempt::Attempt;
use fanfare_domain::batch::InBatch;
use fanfare_domain::delivery::{Delivery, DiscardedReason};
use fanfare_domain::id::{AttemptId, BatchId, DeliveryId, EndpointId, EventId};
use fanfare_domain::name::Scope;
use fanfare_domain::order::{Ordering, Strand};
use fanfare_domain::time::Timestamp;
use parking_lot::Mutex;

use crate::store::Database;
use crate::writer::Durability;

mod attempts;
mod batch;
mod discard;
mod due;
mod jobs;
mod lookup;
mod order;
mod query;
mod retention;
mod row;
pub(crate) mod settle;
pub(crate) mod tallies;
mod walk;

use retention::Walks;

pub(crate) struct SqliteDeliveries {
    database: Database,
    walks: Mutex<Walks>,
}

impl SqliteDeliveries {
    pub(crate) fn new(database: Database) -> Self {
        Self {
            database,
            walks: Mutex::default(),
        }
    }
}

#[async_trait]
impl Deliveries for SqliteDeliveries {
    async fn settle(
        &self,
        settlements: Arc<Vec<Settlement>>,
        materialised: Option<Position>,
    ) -> Result<Vec<Settled>, StoreError> {
        if settlements.is_empty() && materialised.is_none() {
            return Ok(Vec::new());
        }
        let weight = settlements.iter().map(settle::weight).sum();
        let replays = settlements.iter().any(Settlement::makes_a_replay);
        let durability = if settlements.is_empty() || replays {
            Durability::AtOnce
        } else {
            Durability::WithTheNext
        };
        let writer = &self.database.writer;
        writer
            .ask_for(durability, weight, move |writing| {
                settle::all(writing, &settlements, materialised)
            })
            .await
    }

    async fn materialised(&self) -> Result<Position, StoreError> {
        let readers = &self.database.readers;
        readers.read(|reading| lookup::materialised(reading)).await
    }

    async fn existing(
        &self,
        scope: &Scope,
        ids: &[DeliveryId],
    ) -> Result<HashSet<DeliveryId>, StoreError> {
        let (scope, ids) = (scope.clone(), ids.to_vec());
        let readers = &self.database.readers;
        readers
            .read(move |reading| lookup::existing(reading, &scope, &ids))
            .await
    }

    async fn due(
        &self,
        endpoint: EndpointId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Due, StoreError> {
        let readers = &self.database.readers;
        readers
            .read(move |reading| due::due(reading, endpoint, now, limit))
            .await
    }

    async fn bind(
        &self,
        scope: &Scope,
        batch: BatchId,
        strand: Option<Strand>,
        members: Vec<DeliveryId>,
    ) -> Result<Vec<(DeliveryId, InBatch)>, StoreError> {
        let scope = scope.clone();
        let writer = &self.database.writer;
        writer
            .ask(members.len() * batch::WEIGHT, move |writing| {
                batch::bind(writing, &scope, batch, strand, &members)
            })
            .await
    }

    async fn members(&self, batch: BatchId) -> Result<Vec<Delivery>, StoreError> {
        let readers = &self.database.readers;
        readers
            .read(move |reading| batch::members(reading, batch))
            .await
    }

    async fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        let readers = &self.database.readers;
        readers
            .read(move |reading| due::expired(reading, now, limit))
            .await
    }

    async fn lanes(
        &self,
        after: Option<EndpointId>,
        limit: usize,
    ) -> Result<Vec<WaitingLane>, StoreError> {
        let readers = &self.database.readers;
        readers
            .read(move |reading| due::lanes(reading, after, limit))
            .await
    }

    async fn in_turn(
        &self,
        endpoint: EndpointId,
        strand: Strand,
        from: Position,
        limit: usize,
    ) -> Result<InTurn, StoreError> {
        let readers = &self.database.readers;
        readers
            .read(move |reading| order::in_turn(reading, endpoint, strand, from, limit))
            .await
    }

    async fn strands(
        &self,
        endpoint: EndpointId,
        after: Option<Strand>,
        limit: usize,
    ) -> Result<Vec<Strand>, StoreError> {
        let readers = &self.database.readers;
        readers
            .read(move |reading| order::strands(reading, endpoint, after, limit))
            .await
    }

    async fn out_of_turn(
        &self,
        endpoint: EndpointId,
        ordering: Ordering,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        let readers = &self.database.readers;
        readers
            .read(move |reading| order::out_of_turn(reading, endpoint, ordering, limit))
            .await
    }

    async fn place(&self, placed: Vec<Placed>) -> Result<(), StoreError> {
        let writer = &self.database.writer;
        writer
            .ask(placed.len() * order::WEIGHT, move |writing| {
                order::place(writing, &placed)
            })
            .await
    }

    async fn holding(
        &self,
        endpoints: &[EndpointId],
        most: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        let endpoints = endpoints.to_vec();
        let readers = &self.database.readers;
        readers
            .read(move |reading| order::holding(reading, &endpoints, most))
            .await
    }

    async fn lift_hold(&self, scope: &Scope, id: DeliveryId) -> Result<bool, StoreError> {
        let scope = scope.clone();
        let writer = &self.database.writer;
        writer
            .ask(order::WEIGHT, move |writing| {
                order::lift_hold(writing, &scope, id)
            })
            .await
    }

    async fn lift_holds(&self, endpoint: EndpointId, limit: usize) -> Result<usize, StoreError> {
        let limit = limit.min(discard::AT_ONCE);
        let writer = &self.database.writer;
        writer
            .ask(limit * order::WEIGHT, move |writing| {
                order::lift_holds(writing, endpoint, limit)
            })
            .await
    }

    async fn discard(
        &self,
        endpoint: EndpointId,
        reason: DiscardedReason,
        now: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let weight = limit.min(discard::AT_ONCE) * discard::WEIGHT;
        let writer = &self.database.writer;
        writer
            .ask(weight, move |writing| {
                discard::some(writing, endpoint, reason, now, limit)
            })
            .await
    }

    async fn delivery(
        &self,
        scope: &Scope,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, StoreError> {
        let scope = scope.clone();
        let readers = &self.database.readers;
        readers
            .read(move |reading| lookup::one(reading, &scope, id))
            .await
    }

    async fn deliveries(&self, query: &DeliveryQuery) -> Result<Vec<Delivery>, StoreError> {
        let query = query.clone();
        let readers = &self.database.readers;
        readers
            .read(move |reading| query::page(reading, &query))
            .await
    }

    async fn attempts(
        &self,
        scope: &Scope,
        after: AttemptId,
        limit: usize,
    ) -> Result<Vec<Attempt>, StoreError> {
        let scope = scope.clone();
        let readers = &self.database.readers;
        readers
            .read(move |reading| attempts::behind(reading, &scope, after, limit))
            .await
    }

    async fn replace_response(
        &self,
        scope: &Scope,
        attempt: AttemptId,
        body: Vec<u8>,
    ) -> Result<bool, StoreError> {
        let scope = scope.clone();
        let writer = &self.database.writer;
        writer
            .ask(body.len() + 256, move |writing| {
                attempts::replace_response(writing.connection, &scope, attempt, &body)
            })
            .await
    }

    async fn tallies(
        &self,
        endpoint: EndpointId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Tally>, StoreError> {
        let readers = &self.database.readers;
        readers
            .read(move |reading| tallies::between(reading, endpoint, from, to))
            .await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        let readers = &self.database.readers;
        readers.read(|reading| due::backlog(reading)).await
    }

    async fn waiting_of(&self, tenants: &[(Scope, u64)]) -> Result<Vec<Count>, StoreError> {
        let tenants = tenants.to_vec();
        let readers = &self.database.readers;
        readers
            .read(move |reading| due::waiting_of(reading, &tenants))
            .await
    }

    async fn waiting_events(&self, ids: &[EventId]) -> Result<HashSet<EventId>, StoreError> {
        let ids = ids.to_vec();
        let readers = &self.database.readers;
        readers
            .read(move |reading| lookup::waiting_events(reading, &ids))
            .await
    }

    async fn drop_expired(&self, expired: Expired, limit: usize) -> Result<usize, StoreError> {
        retention::step(&self.database, &self.walks, expired, limit).await
    }
}
