//! The deliveries part as the use cases and the engine see it.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use fanfare_app::port::deliveries::{
    Backlog, Count, DeliveryQuery, Due, Expired, InTurn, Placed, Settled, Settlement, Tally,
    WaitingLane,
};
use fanfare_app::port::log::Position;
use fanfare_app::port::{Deliveries, StoreError};
use fanfare_domain::attempt::Attempt;
use fanfare_domain::batch::InBatch;
use fanfare_domain::delivery::{Delivery, DiscardedReason};
use fanfare_domain::id::{AttemptId, BatchId, DeliveryId, EndpointId, EventId};
use fanfare_domain::name::Scope;
use fanfare_domain::order::{Ordering, Strand};
use fanfare_domain::time::Timestamp;

use crate::memory_store::{Call, MemoryStore, Synced};

#[async_trait]
impl Deliveries for MemoryStore {
    async fn settle(
        &self,
        settlements: Arc<Vec<Settlement>>,
        materialised: Option<Position>,
    ) -> Result<Vec<Settled>, StoreError> {
        let at_once = settlements.is_empty() || settlements.iter().any(Settlement::makes_a_replay);
        let sync = if at_once {
            Synced::AtOnce
        } else {
            Synced::WithTheNext
        };
        self.call_for(sync, Call::Settle, |state| {
            let rows = &mut state.deliveries;
            let settled = settlements.iter().map(|each| rows.settle(each)).collect();
            rows.materialise(materialised.unwrap_or(0));
            settled
        })
        .await
    }

    async fn materialised(&self) -> Result<Position, StoreError> {
        self.call(Call::ReadDeliveries, |state| state.deliveries.materialised)
            .await
    }

    async fn existing(
        &self,
        scope: &Scope,
        ids: &[DeliveryId],
    ) -> Result<HashSet<DeliveryId>, StoreError> {
        self.call(Call::ReadDeliveries, |state| {
            let rows = &state.deliveries.by_id;
            let there = |id: &&DeliveryId| rows.contains_key(&(scope.clone(), **id));
            ids.iter().filter(there).copied().collect()
        })
        .await
    }

    async fn due(
        &self,
        endpoint: EndpointId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Due, StoreError> {
        self.call(Call::Due, |state| {
            state.deliveries.due(endpoint, now, limit)
        })
        .await
    }

    async fn bind(
        &self,
        scope: &Scope,
        batch: BatchId,
        strand: Option<Strand>,
        members: Vec<DeliveryId>,
    ) -> Result<Vec<(DeliveryId, InBatch)>, StoreError> {
        self.call(Call::Settle, |state| {
            state.deliveries.bind(scope, batch, strand, &members)
        })
        .await
    }

    async fn members(&self, batch: BatchId) -> Result<Vec<Delivery>, StoreError> {
        self.call(Call::Due, |state| state.deliveries.members(batch))
            .await
    }

    async fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        self.call(Call::Due, |state| state.deliveries.expired(now, limit))
            .await
    }

    async fn lanes(
        &self,
        after: Option<EndpointId>,
        limit: usize,
    ) -> Result<Vec<WaitingLane>, StoreError> {
        self.call(Call::Lanes, |state| state.deliveries.lanes(after, limit))
            .await
    }

    async fn in_turn(
        &self,
        endpoint: EndpointId,
        strand: Strand,
        from: Position,
        limit: usize,
    ) -> Result<InTurn, StoreError> {
        self.call(Call::Due, |state| {
            state.deliveries.in_turn(endpoint, strand, from, limit)
        })
        .await
    }

    async fn strands(
        &self,
        endpoint: EndpointId,
        after: Option<Strand>,
        limit: usize,
    ) -> Result<Vec<Strand>, StoreError> {
        self.call(Call::Due, |state| {
            state.deliveries.strands(endpoint, after, limit)
        })
        .await
    }

    async fn out_of_turn(
        &self,
        endpoint: EndpointId,
        ordering: Ordering,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.call(Call::Due, |state| {
            state.deliveries.out_of_turn(endpoint, ordering, limit)
        })
        .await
    }

    async fn place(&self, placed: Vec<Placed>) -> Result<(), StoreError> {
        self.call(Call::Settle, |state| {
            let rows = &mut state.deliveries;
            placed.iter().for_each(|each| rows.place(each));
        })
        .await
    }

    async fn holding(
        &self,
        endpoints: &[EndpointId],
        most: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.call(Call::ReadDeliveries, |state| {
            let rows = &state.deliveries;
            let of_each = endpoints
                .iter()
                .flat_map(|id| rows.holding(*id).into_iter().take(most));
            of_each.cloned().collect()
        })
        .await
    }

    async fn lift_hold(&self, scope: &Scope, id: DeliveryId) -> Result<bool, StoreError> {
        self.call(Call::Settle, |state| state.deliveries.lift(scope, id))
            .await
    }

    async fn lift_holds(&self, endpoint: EndpointId, limit: usize) -> Result<usize, StoreError> {
        self.call(Call::Settle, |state| {
            state.deliveries.lift_all(endpoint, limit)
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
        self.call(Call::Discard, |state| {
            state.deliveries.discard(endpoint, reason, now, limit)
        })
        .await
    }

    async fn delivery(
        &self,
        scope: &Scope,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, StoreError> {
        self.call(Call::ReadDeliveries, |state| {
            state.deliveries.by_id.get(&(scope.clone(), id)).cloned()
        })
        .await
    }

    async fn deliveries(&self, query: &DeliveryQuery) -> Result<Vec<Delivery>, StoreError> {
        self.call(Call::ReadDeliveries, |state| state.deliveries.page(query))
            .await
    }

    async fn attempts(
        &self,
        scope: &Scope,
        after: AttemptId,
        limit: usize,
    ) -> Result<Vec<Attempt>, StoreError> {
        self.call(Call::ReadDeliveries, |state| {
            state.deliveries.attempts_behind(scope, after, limit)
        })
        .await
    }

    async fn replace_response(
        &self,
        scope: &Scope,
        attempt: AttemptId,
        body: Vec<u8>,
    ) -> Result<bool, StoreError> {
        self.call(Call::Retain, |state| {
            let place = (scope.clone(), attempt);
            let kept = state.deliveries.attempts.get_mut(&place);
            let found = kept.is_some();
            if let Some(kept) = kept {
                kept.response_body = body;
            }
            found
        })
        .await
    }

    async fn tallies(
        &self,
        endpoint: EndpointId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Tally>, StoreError> {
        self.call(Call::ReadDeliveries, |state| {
            state.deliveries.tallies.between(endpoint, from, to)
        })
        .await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.call(Call::ReadDeliveries, |state| state.deliveries.backlog())
            .await
    }

    async fn waiting_of(&self, tenants: &[(Scope, u64)]) -> Result<Vec<Count>, StoreError> {
        self.call(Call::ReadDeliveries, |state| {
            let waits = |scope: &Scope| {
                let rows = state.deliveries.by_id.values();
                rows.filter(|row| !row.state.ended() && row.scope == *scope)
                    .count() as u64
            };
            let counts = tenants.iter().map(|(scope, _)| Count::Exact(waits(scope)));
            counts.collect()
        })
        .await
    }

    async fn waiting_events(&self, ids: &[EventId]) -> Result<HashSet<EventId>, StoreError> {
        self.call(Call::Retain, |state| {
            let ids: HashSet<_> = ids.iter().collect();
            let rows = state.deliveries.by_id.values();
            rows.filter(|row| !row.state.ended() && ids.contains(&row.event))
                .map(|row| row.event)
                .collect()
        })
        .await
    }

    async fn drop_expired(&self, expired: Expired, limit: usize) -> Result<usize, StoreError> {
        self.call(Call::Retain, |state| {
            state.deliveries.drop_expired(expired, limit)
        })
        .await
    }
}
