//! Until when a node may send.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Until when a node may send, counted from before the last renewal that went through was sent. It ends a
/// margin before others, who watch the renewals, can find the node silent for the whole detection time.
#[derive(Debug, Default)]
pub struct Lease {
    /// Nanoseconds of the clock.
    ends: AtomicU64,
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Lease {
    /// A renewal went through that was sent after `before`.
    pub fn renewed(&self, before: Duration, detection: Duration) {
        let ends = before + detection.mul_f64(0.7);
        self.ends.store(nanoseconds(ends), Ordering::Relaxed);
    }

    /// It is over for good.
    pub fn end(&self) {
        self.ends.store(0, Ordering::Relaxed);
    }

    /// Whether it lasts.
    #[must_use]
    pub fn lasts(&self, now: Duration) -> bool {
        nanoseconds(now) < self.ends.load(Ordering::Relaxed)
    }
}
