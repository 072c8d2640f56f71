//! The deliveries part.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use fanfare_app::port::Found;
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

use crate::address::Address;
use crate::member::OWNERS;
use crate::options::Retention;
use crate::queue::Queue;
use crate::store::{Database, Observer};

mod attempts;
mod batch;
mod counts;
mod discard;
mod due;
mod jobs;
pub(crate) mod lanes;
mod lookup;
mod order;
mod query;
mod retention;
pub(crate) mod row;
mod settle;
mod tallies;
mod walk;
mod wishes;
mod write;

pub(crate) use lookup::first_without_rows;
use write::{Write, Writing, Written};

pub(crate) struct PostgresDeliveries {
    database: Database,
    /// One task: what it writes of a delivery, it writes one after the other.
    queue: Queue<Writing>,
}

impl PostgresDeliveries {
    pub(crate) fn new(database: &Database, address: &Address, observer: &Observer) -> Self {
        let work = Writing::new(database.clone());
        let queue = Queue::start(work, 1, address, &database.options, observer);
        Self {
            database: database.clone(),
            queue,
        }
    }

    pub(crate) async fn close(&self) {
        self.queue.close().await;
    }

    fn node(&self) -> i64 {
        self.database.places.node
    }

    /// Writes, and answers how many rows it was about.
    async fn count(&self, weight: usize, write: Write) -> Result<usize, StoreError> {
        match self.queue.ask(weight, write).await? {
            Written::Count(count) => Ok(count),
            _ => Err(write::mixed_up()),
        }
    }
}

#[async_trait]
impl Deliveries for PostgresDeliveries {
    async fn settle(
        &self,
        settlements: Arc<Vec<Settlement>>,
        materialised: Option<Position>,
    ) -> Result<Vec<Settled>, StoreError> {
        if settlements.is_empty() && materialised.is_none() {
            return Ok(Vec::new());
        }
        let weight = settlements.iter().map(settle::weight).sum();
        let write = Write::Settle {
            settlements,
            materialised,
        };
        match self.queue.ask(weight, write).await? {
            Written::Settled(settled) => Ok(settled),
            _ => Err(write::mixed_up()),
        }
    }

    async fn materialised(&self) -> Result<Position, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(lookup::materialised(&session, self.database.places.node).await?)
    }

    async fn have_all_rows(&self, up_to: Position) -> Result<bool, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(lookup::have_all_rows(&session, up_to).await?)
    }

    async fn existing(
        &self,
        scope: &Scope,
        ids: &[DeliveryId],
    ) -> Result<HashSet<DeliveryId>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(lookup::existing(&session, &self.database.scopes, scope, ids).await?)
    }

    async fn due(
        &self,
        endpoint: EndpointId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Due, StoreError> {
        let Some(node) = self.database.places.reads(endpoint) else {
            return Ok(Due::default());
        };
        let session = self.database.pool.lease().await?;
        Ok(due::due(&session, &self.database.scopes, node, endpoint, now, limit).await?)
    }

    async fn bind(
        &self,
        scope: &Scope,
        batch: BatchId,
        strand: Option<Strand>,
        members: Vec<DeliveryId>,
    ) -> Result<Vec<(DeliveryId, InBatch)>, StoreError> {
        let weight = members.len() * write::ROW;
        let write = Write::Bind {
            scope: scope.clone(),
            batch,
            strand,
            members,
        };
        match self.queue.ask(weight, write).await? {
            Written::Bound(bound) => Ok(bound),
            _ => Err(write::mixed_up()),
        }
    }

    async fn members(&self, batch: BatchId) -> Result<Vec<Delivery>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(batch::members(&session, &self.database.scopes, self.node(), batch).await?)
    }

    async fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        let session = self.database.pool.lease().await?;
        let mut expired =
            due::expired(&session, &self.database.scopes, self.node(), now, limit).await?;
        let places = &self.database.places;
        expired.retain(|row| places.reads(row.endpoint).is_some());
        Ok(expired)
    }

    async fn lanes(
        &self,
        after: Option<EndpointId>,
        limit: usize,
    ) -> Result<Vec<WaitingLane>, StoreError> {
        Ok(lanes::page(&self.database, after, limit).await?)
    }

    async fn in_turn(
        &self,
        endpoint: EndpointId,
        strand: Strand,
        from: Position,
        limit: usize,
    ) -> Result<InTurn, StoreError> {
        let Some(node) = self.database.places.reads(endpoint) else {
            return Ok(InTurn::default());
        };
        let session = self.database.pool.lease().await?;
        let scopes = &self.database.scopes;
        Ok(order::in_turn(&session, scopes, node, endpoint, strand, from, limit).await?)
    }

    async fn first_in_turn(
        &self,
        endpoint: EndpointId,
        strand: Strand,
    ) -> Result<InTurn, StoreError> {
        let node = self.database.places.reads(endpoint).unwrap_or(OWNERS);
        let session = self.database.pool.lease().await?;
        let scopes = &self.database.scopes;
        Ok(order::in_turn(&session, scopes, node, endpoint, strand, Position::MIN, 1).await?)
    }

    async fn strands(
        &self,
        endpoint: EndpointId,
        after: Option<Strand>,
        limit: usize,
    ) -> Result<Vec<Strand>, StoreError> {
        let Some(node) = self.database.places.reads(endpoint) else {
            return Ok(Vec::new());
        };
        let session = self.database.pool.lease().await?;
        Ok(order::strands(&session, node, endpoint, after, limit).await?)
    }

    async fn out_of_turn(
        &self,
        endpoint: EndpointId,
        ordering: Ordering,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        let session = self.database.pool.lease().await?;
        let scopes = &self.database.scopes;
        // Its own too, where the endpoint has just got an order: they are the owner's once they have turns.
        let places = &self.database.places;
        let nodes = [Some(self.node()), places.reads(endpoint)];
        let mut found = Vec::new();
        for node in nodes.into_iter().flatten().collect::<BTreeSet<_>>() {
            let left = limit - found.len();
            found.extend(
                order::out_of_turn(&session, scopes, node, endpoint, ordering, left).await?,
            );
        }
        Ok(found)
    }

    async fn place(&self, placed: Vec<Placed>) -> Result<(), StoreError> {
        let weight = placed.len() * write::ROW;
        self.count(weight, Write::Place(placed)).await.map(drop)
    }

    async fn holding(
        &self,
        endpoints: &[EndpointId],
        most: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(order::holding(&session, &self.database.scopes, endpoints, most).await?)
    }

    async fn lift_hold(&self, scope: &Scope, id: DeliveryId) -> Result<bool, StoreError> {
        let write = Write::LiftHold(scope.clone(), id);
        Ok(self.count(write::ROW, write).await? == 1)
    }

    async fn lift_holds(&self, endpoint: EndpointId, limit: usize) -> Result<usize, StoreError> {
        let limit = limit.min(write::AT_ONCE);
        self.count(limit * write::ROW, Write::LiftHolds(endpoint, limit))
            .await
    }

    async fn discard(
        &self,
        endpoint: EndpointId,
        reason: DiscardedReason,
        now: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let limit = limit.min(write::AT_ONCE);
        let write = Write::Discard {
            endpoint,
            reason,
            now,
            limit,
        };
        self.count(limit * write::ROW, write).await
    }

    async fn delivery(
        &self,
        scope: &Scope,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(lookup::one(&session, &self.database.scopes, scope, id).await?)
    }

    async fn deliveries(&self, query: &DeliveryQuery) -> Result<Vec<Delivery>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(query::page(&session, &self.database.scopes, query).await?)
    }

    async fn search(
        &self,
        query: &DeliveryQuery,
    ) -> Result<Found<Delivery, DeliveryId>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(query::search(&session, &self.database.scopes, query).await?)
    }

    async fn attempts(
        &self,
        scope: &Scope,
        after: AttemptId,
        limit: usize,
    ) -> Result<Vec<Attempt>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(attempts::behind(&session, &self.database.scopes, scope, after, limit).await?)
    }

    async fn replace_response(
        &self,
        scope: &Scope,
        attempt: AttemptId,
        body: Vec<u8>,
    ) -> Result<bool, StoreError> {
        let session = self.database.pool.lease().await?;
        let scopes = &self.database.scopes;
        Ok(attempts::replace_response(&session, scopes, scope, attempt, &body).await?)
    }

    async fn tallies(
        &self,
        endpoint: EndpointId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Tally>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(tallies::between(&session, endpoint, from, to).await?)
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(counts::backlog(&session).await?)
    }

    async fn waiting_of(&self, tenants: &[(Scope, u64)]) -> Result<Vec<Count>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(counts::waiting_of(&session, tenants).await?)
    }

    async fn waiting_events(&self, ids: &[EventId]) -> Result<HashSet<EventId>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(lookup::waiting_events(&session, ids).await?)
    }

    async fn drop_expired(&self, expired: Expired, limit: usize) -> Result<usize, StoreError> {
        if self.database.options.retention == Retention::Days {
            retention::days(&self.database, expired).await?;
            // What goes with its day is not counted.
            return Ok(0);
        }
        let session = self.database.pool.lease().await?;
        Ok(retention::step(&session, expired, limit).await?)
    }
}
