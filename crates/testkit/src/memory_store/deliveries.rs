//! The deliveries part.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use fanfare_app::port::deliveries::{
    Backlog, Count, DeliveryQuery, Due, Settled, Settlement, WaitingLane,
};
use fanfare_app::port::log::Position;
use fanfare_domain::attempt::Attempt;
use fanfare_domain::delivery::{Delivery, DeliveryState, DiscardedReason, StateName};
use fanfare_domain::id::{AttemptId, DeliveryId, EndpointId};
use fanfare_domain::name::Scope;
use fanfare_domain::order::{Strand, Turn};
use fanfare_domain::time::Timestamp;

use super::Change;
use super::changes::Changes;
use super::jobs::Kept;
use super::tallies::Tallies;

mod port;

/// The rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    pub(super) by_id: BTreeMap<(Scope, DeliveryId), Delivery>,
    /// Those that wait and are of no strand, in the order in which each endpoint's are due.
    waiting: BTreeMap<EndpointId, BTreeSet<(Timestamp, DeliveryId, Scope)>>,
    /// Those that wait in a strand, in order.
    pub(super) in_turn: BTreeMap<EndpointId, BTreeMap<(Strand, Position, DeliveryId), Scope>>,
    pub(super) attempts: BTreeMap<(Scope, AttemptId), Attempt>,
    pub(super) tallies: Tallies,
    materialised: Position,
    /// Of this commit, for whoever watches.
    pub(super) changes: Changes,
    pub(super) jobs: Kept,
}

/// Whether a settlement of a waiting row is newer than it. One that knows of fewer attempts was made
/// before them: it may end the delivery, but not make it wait anew.
fn newer(row: &Delivery, settled: &Delivery) -> bool {
    settled.state.ended() || settled.attempts >= row.attempts
}

/// The strand that a delivery is of.
pub(super) fn strand(row: &Delivery) -> Option<(Strand, Position)> {
    let turn = row.turn?;
    Some((turn.strand?, turn.position))
}

/// Whether a delivery holds its strand.
pub(super) fn holds(row: &Delivery) -> bool {
    row.turn.is_some_and(|turn| turn.holds)
}

/// The turn of the row that is there, and whether the settlement says that it holds.
fn kept_turn(row: &Delivery, settled: &Delivery) -> Option<Turn> {
    row.turn.map(|turn| Turn {
        holds: holds(settled),
        ..turn
    })
}

impl Rows {
    pub(super) fn settle(&mut self, settlement: &Settlement) -> Settled {
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
                turn: kept_turn(row, delivery),
                ..row.clone()
            },
            Some(row) => Delivery {
                turn: kept_turn(row, delivery),
                batch: row.batch,
                ..delivery.clone()
            },
            None => delivery.clone(),
        };
        self.put(recorded);
        if delivery.replay_of.is_some() && delivery.state.name() == StateName::Delivered {
            self.replayed(delivery);
        }
        Settled::Recorded
    }

    pub(super) fn put(&mut self, delivery: Delivery) {
        let key = (delivery.scope.clone(), delivery.id);
        if let Some(old) = self.by_id.get(&key).cloned() {
            self.take_out(&old);
        }
        self.put_in(&delivery);
        if delivery.state.ended() {
            self.tallies.end(delivery.endpoint, &delivery.state);
        }
        self.changes.push(Change::Row(Box::new(delivery.clone())));
        self.by_id.insert(key, delivery);
    }

    /// Takes a row out of what waits.
    pub(super) fn take_out(&mut self, old: &Delivery) {
        let DeliveryState::Waiting { due_at } = old.state else {
            return;
        };
        if let Some((strand, position)) = strand(old) {
            if let Some(lane) = self.in_turn.get_mut(&old.endpoint) {
                lane.remove(&(strand, position, old.id));
                if lane.is_empty() {
                    self.in_turn.remove(&old.endpoint);
                }
            }
        } else if let Some(lane) = self.waiting.get_mut(&old.endpoint) {
            lane.remove(&(due_at, old.id, old.scope.clone()));
            if lane.is_empty() {
                self.waiting.remove(&old.endpoint);
            }
        }
    }

    /// Puts a row into what waits, if it does.
    pub(super) fn put_in(&mut self, row: &Delivery) {
        let DeliveryState::Waiting { due_at } = row.state else {
            return;
        };
        if let Some((strand, position)) = strand(row) {
            let lane = self.in_turn.entry(row.endpoint).or_default();
            lane.insert((strand, position, row.id), row.scope.clone());
        } else {
            let lane = self.waiting.entry(row.endpoint).or_default();
            lane.insert((due_at, row.id, row.scope.clone()));
        }
    }

    fn materialise(&mut self, position: Position) {
        if position > self.materialised {
            self.materialised = position;
            self.changes.push(Change::Materialised(position));
        }
    }

    pub(super) fn of_endpoint(
        &self,
        endpoint: EndpointId,
    ) -> impl Iterator<Item = (Timestamp, DeliveryId, &Scope)> {
        let lane = self.waiting.get(&endpoint).into_iter().flatten();
        lane.map(|(due_at, id, scope)| (*due_at, *id, scope))
    }

    /// Everything that waits for an endpoint, that of strands last.
    fn waiting_for(&self, endpoint: EndpointId) -> impl Iterator<Item = &Delivery> {
        let lane = self.in_turn.get(&endpoint).into_iter().flatten();
        let in_turn = lane.map(|((_, _, id), scope)| (*id, scope));
        let others = self.of_endpoint(endpoint).map(|(_, id, scope)| (id, scope));
        others
            .chain(in_turn)
            .filter_map(|(id, scope)| self.by_id.get(&(scope.clone(), id)))
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

    fn expired(&self, now: Timestamp, limit: usize) -> Vec<Delivery> {
        let waiting = self.by_id.values().filter(|row| !row.state.ended());
        let mut expired: Vec<_> = waiting.filter(|row| row.expired(now)).cloned().collect();
        expired.sort_by_key(|row| (row.expires_at, row.id));
        expired.truncate(limit);
        expired
    }

    fn lanes(&self, after: Option<EndpointId>, limit: usize) -> Vec<WaitingLane> {
        let range = (
            after.map_or(Bound::Unbounded, Bound::Excluded),
            Bound::Unbounded,
        );
        let timed = self.waiting.range(range).map(|(endpoint, _)| *endpoint);
        let turned = self.in_turn.range(range).map(|(endpoint, _)| *endpoint);
        let endpoints: BTreeSet<_> = timed.chain(turned).collect();
        endpoints
            .into_iter()
            .filter_map(|endpoint| {
                let DeliveryState::Waiting { due_at } = self.waiting_for(endpoint).next()?.state
                else {
                    return None;
                };
                Some(WaitingLane {
                    endpoint,
                    next: due_at,
                    in_turn: self.in_turn.contains_key(&endpoint),
                })
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
        let ends: Vec<_> = self
            .waiting_for(endpoint)
            .take(limit)
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
                && query
                    .last_error
                    .is_none_or(|kind| row.last_error == Some(kind))
                && query
                    .last_status
                    .is_none_or(|status| row.last_status == Some(status))
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
        let waiting = || self.by_id.values().filter(|row| !row.state.ended());
        Backlog {
            waiting: Count::Exact(waiting().count() as u64),
            oldest: waiting().map(|row| row.created_at).min(),
        }
    }

    pub(super) fn waits(&self, scope: &Scope, id: DeliveryId) -> bool {
        self.by_id
            .get(&(scope.clone(), id))
            .is_some_and(|row| !row.state.ended())
    }

    fn attempts_behind(&self, scope: &Scope, after: AttemptId, limit: usize) -> Vec<Attempt> {
        let key = |id| (scope.clone(), id);
        let last = after.delivery().attempt(u16::MAX);
        let behind = (Bound::Excluded(key(after)), Bound::Included(key(last)));
        let found = self.attempts.range(behind).take(limit);
        found.map(|(_, attempt)| attempt.clone()).collect()
    }
}
