//! What was published, acknowledged and taken.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use fanfare_testkit::receiver::Arrival;

use crate::{clock, ledger::Bits};

use super::endpoints::STEADY;

/// The ids that the soak chooses for its events.
const PREFIX: &str = "soak-";

/// A bit for each event, and one for each steady endpoint of it.
pub(super) struct Account {
    capacity: u64,
    next: AtomicU64,
    acknowledged: Bits,
    /// Answered 2xx by the receiver.
    taken: Bits,
    requests: AtomicU64,
    takes: AtomicU64,
    duplicates: AtomicU64,
}

/// The sums.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Figures {
    /// Events whose publisher was told that they are accepted.
    pub(super) acknowledged: u64,
    /// Requests that came.
    pub(super) requests: u64,
    /// Deliveries that a steady endpoint took.
    pub(super) taken: u64,
    /// Deliveries that it had taken before.
    pub(super) duplicates: u64,
}

impl Account {
    pub(super) fn new(rate: u64, seconds: u64) -> Self {
        let capacity = rate * (seconds + 60) + 1_000;
        Self {
            capacity,
            next: AtomicU64::new(0),
            acknowledged: Bits::new(capacity as usize),
            taken: Bits::new(capacity as usize * STEADY),
            requests: AtomicU64::new(0),
            takes: AtomicU64::new(0),
            duplicates: AtomicU64::new(0),
        }
    }

    /// The number and the id of the next event; none when there is no room for its account.
    pub(super) fn next(&self) -> Option<(u64, String)> {
        let number = self.next.fetch_add(1, Relaxed);
        (number < self.capacity).then(|| (number, format!("{PREFIX}{number}")))
    }

    pub(super) fn acknowledge(&self, number: u64) {
        self.acknowledged.set(number as usize);
    }

    /// Takes down a request. The number of a steady endpoint is the last part of its path.
    pub(super) fn arrive(&self, arrival: &Arrival) {
        self.requests.fetch_add(1, Relaxed);
        let endpoint = arrival.path.rsplit('/').next();
        let endpoint = endpoint.and_then(|text| text.parse::<usize>().ok());
        let id = arrival.header("webhook-id").unwrap_or_default();
        let event = id.strip_prefix(PREFIX);
        let event = event.and_then(|text| text.parse::<u64>().ok());
        if let (Some(endpoint), Some(event), Some(200..300)) = (endpoint, event, arrival.answer)
            && endpoint < STEADY
            && event < self.capacity
        {
            if self.taken.set(event as usize * STEADY + endpoint) {
                self.duplicates.fetch_add(1, Relaxed);
            } else {
                self.takes.fetch_add(1, Relaxed);
            }
        }
    }

    pub(super) fn figures(&self) -> Figures {
        Figures {
            acknowledged: self.acknowledged.count(),
            requests: self.requests.load(Relaxed),
            taken: self.takes.load(Relaxed),
            duplicates: self.duplicates.load(Relaxed),
        }
    }

    /// Deliveries of acknowledged events that their endpoint has not taken.
    fn missing(&self) -> u64 {
        let last = self.next.load(Relaxed).min(self.capacity) as usize;
        let acknowledged = (0..last).filter(|event| self.acknowledged.get(*event));
        acknowledged
            .map(|event| {
                let places = event * STEADY..(event + 1) * STEADY;
                places.filter(|place| !self.taken.get(*place)).count() as u64
            })
            .sum()
    }

    /// Waits until nothing is missing, or nothing has come for `grace`; answers what is missing.
    pub(super) fn wait_for_the_rest(&self, grace: Duration) -> u64 {
        let mut progress = (self.takes.load(Relaxed), clock::now());
        loop {
            let missing = self.missing();
            let takes = self.takes.load(Relaxed);
            if takes != progress.0 {
                progress = (takes, clock::now());
            }
            if missing == 0 || clock::now() - progress.1 > clock::span(grace) {
                return missing;
            }
            clock::sleep(Duration::from_millis(250));
        }
    }
}
