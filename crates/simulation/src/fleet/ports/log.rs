//! The log part: what stands in an order gets its row in the commit that accepts it.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use fanfare_app::port::deliveries::Settlement;
use fanfare_app::port::log::{Append, Appended, Event, EventQuery, EventRef, EventWalk, Position};
use fanfare_app::port::{Deliveries, Log, StoreError};
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::EventId;
use fanfare_domain::name::Scope;
use fanfare_domain::time::Timestamp;

use super::NodeStore;

#[async_trait]
impl Log for NodeStore {
    fn keeps_turns(&self) -> bool {
        true
    }

    async fn append(&self, events: Vec<Append>) -> Result<Vec<Appended>, StoreError> {
        self.begin().await?;
        let answers = self.store().append(events.clone()).await?;
        let mut opened = Vec::new();
        for (append, answer) in events.iter().zip(&answers) {
            let Appended::At(position) = answer else {
                continue;
            };
            self.member.shared.accepted(*position, self.id());
            for delivery in &append.in_turn {
                let turn = delivery.turn.map(|turn| fanfare_domain::order::Turn {
                    position: *position,
                    ..turn
                });
                let row = Settlement {
                    delivery: Delivery {
                        turn,
                        ..delivery.clone()
                    },
                    attempt: None,
                };
                opened.extend(self.name_rows(std::slice::from_ref(&row)).await?);
                self.store().settle(Arc::new(vec![row]), None).await?;
            }
        }
        let answers = self.back(Ok(answers)).await;
        for (endpoint, strand) in opened {
            self.tell(endpoint, strand);
        }
        answers
    }

    async fn read_after(
        &self,
        position: Position,
        limit: usize,
    ) -> Result<Vec<(Position, Arc<Event>)>, StoreError> {
        self.reach().await?;
        let mut found = self.store().read_after(position, usize::MAX).await?;
        found.retain(|(position, _)| self.member.shared.accepted_by(*position) == self.id());
        found.truncate(limit);
        self.back(Ok(found)).await
    }

    async fn positions_after(
        &self,
        position: Position,
        limit: usize,
    ) -> Result<Vec<Position>, StoreError> {
        let found = self.read_after(position, limit).await?;
        Ok(found.into_iter().map(|(position, _)| position).collect())
    }

    async fn event(
        &self,
        scope: &Scope,
        event: &EventRef,
    ) -> Result<Option<Arc<Event>>, StoreError> {
        self.reach().await?;
        self.back(self.store().event(scope, event).await).await
    }

    async fn events_by_id(
        &self,
        scope: &Scope,
        ids: &[EventId],
    ) -> Result<Vec<Arc<Event>>, StoreError> {
        self.reach().await?;
        self.back(self.store().events_by_id(scope, ids).await).await
    }

    async fn positions(
        &self,
        scope: &Scope,
        ids: &[EventId],
    ) -> Result<Vec<(EventId, Position)>, StoreError> {
        self.reach().await?;
        self.back(self.store().positions(scope, ids).await).await
    }

    async fn events(&self, query: &EventQuery) -> Result<Vec<Arc<Event>>, StoreError> {
        self.reach().await?;
        self.store().events(query).await
    }

    async fn events_from(&self, walk: &EventWalk) -> Result<Vec<Arc<Event>>, StoreError> {
        self.reach().await?;
        self.store().events_from(walk).await
    }

    async fn with_payload(
        &self,
        scope: &Scope,
        ids: &[EventId],
    ) -> Result<HashSet<EventId>, StoreError> {
        self.reach().await?;
        self.store().with_payload(scope, ids).await
    }

    async fn end(&self) -> Result<Position, StoreError> {
        self.reach().await?;
        self.store().end().await
    }

    async fn accepted_before(
        &self,
        time: Timestamp,
        after: Position,
        limit: usize,
    ) -> Result<Vec<(Position, EventId)>, StoreError> {
        self.reach().await?;
        self.store().accepted_before(time, after, limit).await
    }

    async fn data_past(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Position, EventId)>, StoreError> {
        self.reach().await?;
        self.store().data_past(now, limit).await
    }

    async fn drop_payloads(&self, positions: Vec<Position>) -> Result<(), StoreError> {
        self.reach().await?;
        self.store().drop_payloads(positions).await
    }

    async fn drop_events(&self, positions: Vec<Position>) -> Result<(), StoreError> {
        self.reach().await?;
        self.store().drop_events(positions).await
    }

    async fn drop_expired_keys(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.reach().await?;
        self.store().drop_expired_keys(now, limit).await
    }
}
