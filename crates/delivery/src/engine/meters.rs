//! What the engine tells of itself.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fanfare_domain::attempt::ErrorKind;
use fanfare_domain::breaker::OpenReason;
use fanfare_domain::delivery::StateName;
use fanfare_domain::endpoint::DisabledReason;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

/// Handles made once, so that counting is an atomic addition.
pub(super) struct Meters {
    pub(super) accepted: Counter,
    delivered: Counter,
    failed: Counter,
    discarded: Counter,
    /// Answers whose `Retry-After` held an endpoint's deliveries back.
    pub(super) slowed: Counter,
    /// Warnings that an endpoint will be disabled.
    pub(super) warned: Counter,
    /// Orders that were held up by a delivery that failed.
    pub(super) held: Counter,
    breakers_open: Gauge,
    lanes_without_slot: Gauge,
    /// How many events batches had.
    pub(super) batch_events: Histogram,
    succeeded: Counter,
    refused: Counter,
    in_flight_gauge: Gauge,
    first_attempt_delay: Histogram,
    attempt_duration: Histogram,
    in_flight: AtomicUsize,
}

impl Meters {
    pub(super) fn new() -> Self {
        let deliveries = |outcome| counter!("fanfare_deliveries_total", "outcome" => outcome);
        let attempts = |outcome| counter!("fanfare_attempts_total", "outcome" => outcome);
        // What is counted rarely is exposed from the start too, as 0.
        for reason in [
            OpenReason::FailuresInARow,
            OpenReason::FailureRate,
            OpenReason::FailingBefore,
            OpenReason::OpenElsewhere,
        ] {
            drop(openings(reason));
        }
        for reason in [
            DisabledReason::Gone,
            DisabledReason::Exhausted,
            DisabledReason::Failing,
        ] {
            drop(disablings(reason));
        }
        Self {
            accepted: counter!("fanfare_events_accepted_total"),
            delivered: deliveries("delivered"),
            failed: deliveries("failed"),
            discarded: deliveries("discarded"),
            slowed: counter!("fanfare_endpoints_slowed_total"),
            warned: counter!("fanfare_endpoint_warnings_total"),
            held: counter!("fanfare_orders_held_total"),
            breakers_open: gauge!("fanfare_breakers_open"),
            batch_events: histogram!("fanfare_batch_events"),
            lanes_without_slot: gauge!("fanfare_lanes_without_slot"),
            succeeded: attempts("succeeded"),
            refused: attempts("unsuccessful_status"),
            in_flight_gauge: gauge!("fanfare_attempts_in_flight"),
            first_attempt_delay: histogram!("fanfare_first_attempt_delay_seconds"),
            attempt_duration: histogram!("fanfare_attempt_duration_seconds"),
            in_flight: AtomicUsize::new(0),
        }
    }

    pub(super) fn attempt_begins(&self, delay_of_first: Option<Duration>) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.in_flight_gauge.increment(1.0);
        if let Some(delay) = delay_of_first {
            self.first_attempt_delay.record(delay);
        }
    }

    /// An attempt's answer is in; it stays in flight until it is handed to the settler.
    pub(super) fn attempt_answered(
        &self,
        took: Duration,
        succeeded: bool,
        error: Option<ErrorKind>,
    ) {
        self.attempt_duration.record(took);
        match error {
            None if succeeded => self.succeeded.increment(1),
            None => self.refused.increment(1),
            // Failures are rare enough to look their counter up.
            Some(kind) => {
                counter!("fanfare_attempts_total", "outcome" => kind.as_str()).increment(1);
            }
        }
    }

    /// An attempt is over; answers whether none is left.
    pub(super) fn attempt_ends(&self) -> bool {
        self.in_flight_gauge.decrement(1.0);
        self.in_flight.fetch_sub(1, Ordering::AcqRel) == 1
    }

    pub(super) fn breaker_opened(&self, reason: OpenReason) {
        self.breakers_open.increment(1.0);
        openings(reason).increment(1);
    }

    pub(super) fn breaker_closed(&self) {
        self.breakers_open.decrement(1.0);
    }

    pub(super) fn disabled(&self, reason: DisabledReason) {
        disablings(reason).increment(1);
    }

    /// So many lanes wait for a slot.
    pub(super) fn without_slot(&self, lanes: usize) {
        self.lanes_without_slot.set(lanes as f64);
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Acquire)
    }

    pub(super) fn ended(&self, state: StateName, count: u64) {
        match state {
            StateName::Waiting => {}
            StateName::Delivered => self.delivered.increment(count),
            StateName::Failed => self.failed.increment(count),
            StateName::Discarded => self.discarded.increment(count),
        }
    }
}

fn openings(reason: OpenReason) -> Counter {
    counter!("fanfare_breaker_openings_total", "reason" => reason.as_str())
}

fn disablings(reason: DisabledReason) -> Counter {
    counter!("fanfare_endpoints_disabled_total", "reason" => reason.as_str())
}
