//! Order: deliveries by their turn, and what holds a strand.

use fanfare_app::port::deliveries::{InTurn, Placed};
use fanfare_app::port::log::Position;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::{DeliveryId, EndpointId};
use fanfare_domain::name::Scope;
use fanfare_domain::order::{Ordering, Strand, Turn};

use super::deliveries::{Rows, holds, strand};

impl Rows {
    pub(super) fn in_turn(
        &self,
        endpoint: EndpointId,
        wanted: Strand,
        from: Position,
        limit: usize,
    ) -> InTurn {
        let lane = self.in_turn.get(&endpoint).into_iter().flatten();
        let rows = lane
            .filter(|((strand, position, _), _)| *strand == wanted && *position >= from)
            .filter_map(|((_, _, id), scope)| self.by_id.get(&(scope.clone(), *id)));
        let held_by = self.holding(endpoint).into_iter();
        InTurn {
            some_left_out: false,
            deliveries: rows.take(limit).cloned().collect(),
            held_by: held_by
                .filter(|row| strand(row).is_some_and(|(of, _)| of == wanted))
                .map(|row| row.id)
                .next(),
        }
    }

    pub(super) fn strands(
        &self,
        endpoint: EndpointId,
        after: Option<Strand>,
        limit: usize,
    ) -> Vec<Strand> {
        let lane = self.in_turn.get(&endpoint).into_iter().flatten();
        let waiting = lane.map(|((strand, _, _), _)| *strand);
        let held = self.holding(endpoint).into_iter();
        let mut found: Vec<_> = waiting
            .chain(held.filter_map(|row| Some(strand(row)?.0)))
            .filter(|strand| after.is_none_or(|after| *strand > after))
            .collect();
        found.sort_unstable();
        found.dedup();
        found.truncate(limit);
        found
    }

    pub(super) fn out_of_turn(
        &self,
        endpoint: EndpointId,
        ordering: Ordering,
        limit: usize,
    ) -> Vec<Delivery> {
        let wrong = |row: &&Delivery| {
            let first = row.replay_of.is_none() || row.turn.is_some();
            first && !ordering.fits(row.turn)
        };
        let waiting = self.by_id.values();
        let waiting = waiting.filter(|row| row.endpoint == endpoint && !row.state.ended());
        waiting.filter(wrong).take(limit).cloned().collect()
    }

    pub(super) fn place(&mut self, placed: &Placed) {
        let key = (placed.scope.clone(), placed.id);
        let Some(row) = self
            .by_id
            .get(&key)
            .filter(|row| !row.state.ended())
            .cloned()
        else {
            return;
        };
        self.take_out(&row);
        let turn = placed.turn.map(|turn| Turn {
            strand: turn.strand.filter(|_| row.batch.is_none()),
            ..turn
        });
        let row = Delivery { turn, ..row };
        self.put_in(&row);
        self.by_id.insert(key, row);
    }

    pub(super) fn holding(&self, endpoint: EndpointId) -> Vec<&Delivery> {
        let rows = self.by_id.values();
        let mut rows: Vec<_> = rows
            .filter(|row| row.endpoint == endpoint && holds(row))
            .collect();
        rows.sort_unstable_by_key(|row| strand(row));
        rows
    }

    pub(super) fn lift(&mut self, scope: &Scope, id: DeliveryId) -> bool {
        let row = self.by_id.get_mut(&(scope.clone(), id));
        let turn = row.and_then(|row| row.turn.as_mut());
        turn.is_some_and(|turn| std::mem::take(&mut turn.holds))
    }

    pub(super) fn lift_all(&mut self, endpoint: EndpointId, limit: usize) -> usize {
        let held = self.holding(endpoint).into_iter().take(limit);
        let held: Vec<_> = held.map(|row| (row.scope.clone(), row.id)).collect();
        held.iter().for_each(|(scope, id)| {
            self.lift(scope, *id);
        });
        held.len()
    }

    /// A replay was delivered: the event's own delivery to that endpoint holds nothing any more.
    pub(super) fn replayed(&mut self, replay: &Delivery) {
        let held = self.holding(replay.endpoint).into_iter();
        let its = held.filter(|row| row.event == replay.event);
        let its: Vec<_> = its.map(|row| (row.scope.clone(), row.id)).collect();
        for (scope, id) in its {
            self.lift(&scope, id);
        }
    }
}
