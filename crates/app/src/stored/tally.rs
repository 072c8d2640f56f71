//! Tallies of one transaction, summed up before they are written.

use std::collections::BTreeMap;

use fanfare_domain::attempt::Attempt;
use fanfare_domain::delivery::{Delivery, DeliveryState};
use fanfare_domain::id::EndpointId;
use fanfare_domain::time::Timestamp;

use crate::port::deliveries::Tally;

const MINUTE: i64 = 60_000_000;

/// The minute that a time is in, counted from the Unix epoch.
#[must_use]
pub const fn minute(time: Timestamp) -> i64 {
    time.micros() / MINUTE
}

/// The first minute that begins at a time or after it.
#[must_use]
pub const fn minute_from(time: Timestamp) -> i64 {
    (time.micros() + MINUTE - 1) / MINUTE
}

/// What happened, for each endpoint and minute, so that each row is written once for each commit.
#[derive(Debug, Default)]
pub struct Sums(BTreeMap<(EndpointId, i64), Tally>);

impl Sums {
    fn of(&mut self, endpoint: EndpointId, time: Timestamp) -> &mut Tally {
        let minute = minute(time);
        self.0.entry((endpoint, minute)).or_insert_with(|| Tally {
            minute,
            ..Tally::default()
        })
    }

    /// Counts an attempt in the minute in which it began. It succeeded where it ended its delivery so.
    pub fn attempt(&mut self, delivery: &Delivery, attempt: &Attempt) {
        let tally = self.of(delivery.endpoint, attempt.started_at);
        if matches!(delivery.state, DeliveryState::Delivered { .. }) {
            tally.succeeded += 1;
        } else {
            tally.unsuccessful += 1;
        }
        tally.duration_ms += u64::try_from(attempt.timings.total.as_millis()).unwrap_or(u64::MAX);
    }

    /// Counts ends in their minute.
    pub fn end(&mut self, endpoint: EndpointId, state: &DeliveryState, count: u64) {
        match *state {
            DeliveryState::Waiting { .. } => {}
            DeliveryState::Delivered { at } => self.of(endpoint, at).delivered += count,
            DeliveryState::Failed { at, .. } => self.of(endpoint, at).failed += count,
            DeliveryState::Discarded { at, .. } => self.of(endpoint, at).discarded += count,
        }
    }

    /// Takes the sums out, by endpoint and minute; nothing is left then.
    pub fn take(&mut self) -> impl Iterator<Item = (EndpointId, Tally)> + use<> {
        let sums = std::mem::take(&mut self.0).into_iter();
        sums.map(|((endpoint, _), tally)| (endpoint, tally))
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
