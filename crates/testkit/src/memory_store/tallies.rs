//! What happened at each endpoint in each minute.

use std::collections::BTreeMap;

use fanfare_app::port::deliveries::Tally;
use fanfare_domain::attempt::Attempt;
use fanfare_domain::delivery::{Delivery, DeliveryState};
use fanfare_domain::id::EndpointId;
use fanfare_domain::time::Timestamp;

/// The tallies by endpoint and minute.
#[derive(Clone, Debug, Default)]
pub(super) struct Tallies(BTreeMap<(EndpointId, i64), Tally>);

const MINUTE: i64 = 60;

impl Tallies {
    fn of(&mut self, endpoint: EndpointId, time: Timestamp) -> &mut Tally {
        let minute = time.seconds() / MINUTE;
        self.0.entry((endpoint, minute)).or_insert_with(|| Tally {
            minute,
            ..Tally::default()
        })
    }

    /// An attempt counts in the minute in which it began.
    pub(super) fn attempt(&mut self, delivery: &Delivery, attempt: &Attempt) {
        let tally = self.of(delivery.endpoint, attempt.started_at);
        if matches!(delivery.state, DeliveryState::Delivered { .. }) {
            tally.succeeded += 1;
        } else {
            tally.unsuccessful += 1;
        }
        tally.duration_ms += u64::try_from(attempt.timings.total.as_millis()).unwrap_or(u64::MAX);
    }

    /// An end counts in its minute.
    pub(super) fn end(&mut self, endpoint: EndpointId, state: &DeliveryState) {
        match *state {
            DeliveryState::Waiting { .. } => {}
            DeliveryState::Delivered { at } => self.of(endpoint, at).delivered += 1,
            DeliveryState::Failed { at, .. } => self.of(endpoint, at).failed += 1,
            DeliveryState::Discarded { at, .. } => self.of(endpoint, at).discarded += 1,
        }
    }

    pub(super) fn between(
        &self,
        endpoint: EndpointId,
        from: Timestamp,
        to: Timestamp,
    ) -> Vec<Tally> {
        // The minute that `to` cuts is among them.
        let (from, to) = (
            from.seconds() / MINUTE,
            (to.micros() + MINUTE * 1_000_000 - 1) / (MINUTE * 1_000_000),
        );
        self.0
            .range((endpoint, from)..(endpoint, to.max(from)))
            .map(|(_, tally)| tally.clone())
            .collect()
    }

    pub(super) fn drop_before(&mut self, time: Timestamp, limit: usize) -> usize {
        let before = time.seconds() / MINUTE;
        let old: Vec<_> = self
            .0
            .keys()
            .filter(|(_, minute)| *minute < before)
            .take(limit)
            .copied()
            .collect();
        for key in &old {
            self.0.remove(key);
        }
        old.len()
    }
}
