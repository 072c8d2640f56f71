//! The deliveries part.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use fanfare_app::port::deliveries::{
    Backlog, DeliveryQuery, Due, Expired, Settled, Settlement, Tally, WaitingLane,
};
use fanfare_app::port::log::Position;
use fanfare_app::port::{Deliveries, StoreError};
use fanfare_domain::attempt::Attempt;
use fanfare_domain::delivery::{Delivery, DeliveryState, DiscardedReason};
use fanfare_domain::id::{AttemptId, DeliveryId, EndpointId, EventId};
use fanfare_domain::name::Scope;
use fanfare_domain::time::Timestamp;

use super::changes::Changes;
use super::tallies::Tallies;
use super::{Call, Change, MemoryStore};

/// The rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    pub(super) by_id: BTreeMap<(Scope, DeliveryId), Delivery>,
    /// Those that wait, in the order in which each endpoint's are due.
    waiting: BTreeMap<EndpointId, BTreeSet<(Timestamp, DeliveryId, Scope)>>,
    pub(super) attempts: BTreeMap<(Scope, AttemptId), Attempt>,
    pub(super) tallies: Tallies,
    materialised: Position,
    /// Of this commit, for whoever watches.
    pub(super) changes: Changes,
}

/// Whether a settlement of a waiting row is newer than it. One that knows of fewer attempts was made
/// before them: it may end the delivery, but not make it wait anew.
fn newer(row: &Delivery, settled: &Delivery) -> bool {
    settled.state.ended() || settled.attempts >= row.attempts
}

impl Rows {
    fn settle(&mut self, settlement: &Settlement) -> Settled {
        let delivery = &settlement.delivery;
        let scope = &delivery.scope;
        if let Some(attempt) = &settlement.attempt {
            let place = self.attempts.entry((scope.clone(), attempt.id));
            if let Entry::Vacant(place) = place {
                place.insert(attempt.as_ref().clone());
                self.changes.push(Change::Attempt(attempt.clone()));
                self.tallies.attempt(delivery, attempt);
            }
        }
        let key = (scope.clone(), delivery.id);
        let recorded = match self.by_id.get(&key) {
            Some(row) if row.state.ended() => return Settled::HadEnded,
            Some(row) if !newer(row, delivery) => return Settled::Recorded,
            Some(row) if delivery.attempts < row.attempts => Delivery {
                state: delivery.state,
                ..row.clone()
            },
            _ => delivery.clone(),
        };
        self.put(recorded);
        Settled::Recorded
    }

    fn put(&mut self, delivery: Delivery) {
        let key = (delivery.scope.clone(), delivery.id);
        if let Some(old) = self.by_id.get(&key)
            && let DeliveryState::Waiting { due_at } = old.state
            && let Some(lane) = self.waiting.get_mut(&old.endpoint)
        {
            lane.remove(&(due_at, old.id, old.scope.clone()));
            if lane.is_empty() {
                self.waiting.remove(&old.endpoint);
            }
        }
        match delivery.state {
            DeliveryState::Waiting { due_at } => {
                let lane = self.waiting.entry(delivery.endpoint).or_default();
                lane.insert((due_at, delivery.id, delivery.scope.clone()));
            }
            ended => self.tallies.end(delivery.endpoint, &ended),
        }
        self.changes.push(Change::Row(Box::new(delivery.clone())));
        self.by_id.insert(key, delivery);
    }

    fn materialise(&mut self, position: Position) {
        if position > self.materialised {
            self.materialised = position;
            self.changes.push(Change::Materialised(position));
        }
    }

    fn of_endpoint(
        &self,
        endpoint: EndpointId,
    ) -> impl Iterator<Item = (Timestamp, DeliveryId, &Scope)> {
        let lane = self.waiting.get(&endpoint).into_iter().flatten();
        lane.map(|(due_at, id, scope)| (*due_at, *id, scope))
    }

    fn due(&self, endpoint: EndpointId, now: Timestamp, limit: usize) -> Due {
        let mut due = Due::default();
        for (due_at, id, scope) in self.of_endpoint(endpoint) {
            if due_at > now || due.deliveries.len() == limit {
                due.next = Some(due_at);
                break;
            }
            let row = self.by_id.get(&(scope.clone(), id));
            due.deliveries.extend(row.cloned());
        }
        due
    }

    fn lanes(&self, after: Option<EndpointId>, limit: usize) -> Vec<WaitingLane> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let lanes = self.waiting.range((from, Bound::Unbounded));
        lanes
            .filter_map(|(endpoint, lane)| Some((endpoint, lane.first()?)))
            .map(|(endpoint, (next, _, _))| WaitingLane {
                endpoint: *endpoint,
                next: *next,
            })
            .take(limit)
            .collect()
    }

    fn discard(
        &mut self,
        endpoint: EndpointId,
        reason: DiscardedReason,
        at: Timestamp,
        limit: usize,
    ) -> usize {
        let found = self.of_endpoint(endpoint).take(limit);
        let ends: Vec<_> = found
            .filter_map(|(_, id, scope)| self.by_id.get(&(scope.clone(), id)))
            .map(|row| Delivery {
                state: DeliveryState::Discarded { at, reason },
                ..row.clone()
            })
            .collect();
        let count = ends.len();
        ends.into_iter().for_each(|row| self.put(row));
        count
    }

    fn page(&self, query: &DeliveryQuery) -> Vec<Delivery> {
        let wanted = |row: &Delivery| {
            row.scope == query.scope
                && query.event.is_none_or(|event| row.event == event)
                && query.endpoint.is_none_or(|id| row.endpoint == id)
                && query.state.is_none_or(|state| row.state.name() == state)
                && query
                    .event_type
                    .as_ref()
                    .is_none_or(|name| *name == row.event_type)
                && query.since.is_none_or(|since| row.created_at >= since)
                && query.until.is_none_or(|until| row.created_at < until)
                && query.before.is_none_or(|before| row.id < before)
        };
        let rows = self.by_id.values().rev();
        rows.filter(|row| wanted(row))
            .take(query.limit)
            .cloned()
            .collect()
    }

    fn backlog(&self) -> Backlog {
        let waiting = || self.waiting.values().flatten();
        let rows = waiting().filter_map(|(_, id, scope)| self.by_id.get(&(scope.clone(), *id)));
        Backlog {
            waiting: waiting().count() as u64,
            oldest: rows.map(|row| row.created_at).min(),
        }
    }

    pub(super) fn waits(&self, scope: &Scope, id: DeliveryId) -> bool {
        self.by_id
            .get(&(scope.clone(), id))
            .is_some_and(|row| !row.state.ended())
    }

    fn attempts_of(&self, scope: &Scope, delivery: DeliveryId) -> Vec<Attempt> {
        let key = |number| (scope.clone(), delivery.attempt(number));
        self.attempts
            .range(key(0)..=key(u16::MAX))
            .map(|(_, attempt)| attempt.clone())
            .collect()
    }
}

#[async_trait]
impl Deliveries for MemoryStore {
    async fn settle(
        &self,
        settlements: Arc<Vec<Settlement>>,
        materialised: Option<Position>,
    ) -> Result<Vec<Settled>, StoreError> {
        self.call(Call::Settle, |state| {
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

    async fn lanes(
        &self,
        after: Option<EndpointId>,
        limit: usize,
    ) -> Result<Vec<WaitingLane>, StoreError> {
        self.call(Call::Lanes, |state| state.deliveries.lanes(after, limit))
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
        delivery: DeliveryId,
    ) -> Result<Vec<Attempt>, StoreError> {
        self.call(Call::ReadDeliveries, |state| {
            state.deliveries.attempts_of(scope, delivery)
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
