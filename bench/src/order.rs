//! Whether deliveries arrive in order: an event that was acknowledged before another was sent has to
//! arrive before it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Eight bytes for each event.
pub(crate) struct Order {
    /// When each event was acknowledged; 0: not yet.
    acknowledged_at: Box<[AtomicU64]>,
    /// When the latest of those that arrived was sent.
    latest_sent: AtomicU64,
    violations: AtomicU64,
}

impl Order {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            acknowledged_at: (0..capacity).map(|_| AtomicU64::new(0)).collect(),
            latest_sent: AtomicU64::new(0),
            violations: AtomicU64::new(0),
        }
    }

    pub(crate) fn acknowledge(&self, number: u64, at: u64) {
        self.acknowledged_at[number as usize].store(at, Relaxed);
    }

    /// Takes an event's first arrival. One that is not acknowledged yet can't be late for anything.
    pub(crate) fn arrive(&self, number: u64, sent: u64) {
        let acknowledged = self.acknowledged_at[number as usize].load(Relaxed);
        let latest_sent = self.latest_sent.fetch_max(sent, Relaxed);
        if acknowledged != 0 && acknowledged < latest_sent {
            self.violations.fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn violations(&self) -> u64 {
        self.violations.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_comes_after_one_sent_when_it_was_acknowledged_is_out_of_order() {
        let order = Order::new(3);
        order.acknowledge(0, 20);
        order.arrive(1, 10);
        order.arrive(2, 30);
        assert_eq!(
            order.violations(),
            0,
            "1 was not acknowledged when it arrived"
        );
        order.arrive(0, 5);
        assert_eq!(
            order.violations(),
            1,
            "0 was acknowledged at 20 and 2 sent at 30"
        );
    }
}
