//! The share of failures among the last attempts.

use std::time::Duration;

use crate::time::Timestamp;

/// Counts attempts in two halves of a window, of which the older is forgotten as a whole: what it
/// answers covers between a half and the whole of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// When the younger half began.
    began: Timestamp,
    younger: Counts,
    older: Counts,
    last_failure: Timestamp,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    attempts: u32,
    failures: u32,
}

impl Window {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            began: now,
            younger: Counts::default(),
            older: Counts::default(),
            last_failure: now,
        }
    }

    /// An attempt ended.
    pub(super) fn count(&mut self, succeeded: bool, now: Timestamp, whole: Duration) {
        let half = whole / 2;
        let age = now.since(self.began);
        if age >= half {
            self.older = if age < whole {
                self.younger
            } else {
                Counts::default()
            };
            self.younger = Counts::default();
            self.began = now;
        }
        self.younger.attempts = self.younger.attempts.saturating_add(1);
        if !succeeded {
            self.younger.failures = self.younger.failures.saturating_add(1);
            self.last_failure = now;
        }
    }

    /// The attempts that it covers.
    pub(super) fn attempts(&self) -> u32 {
        self.younger.attempts.saturating_add(self.older.attempts)
    }

    /// The share of failures among them, from 0 to 1.
    pub(super) fn failure_rate(&self) -> f64 {
        let failures = self.younger.failures.saturating_add(self.older.failures);
        f64::from(failures) / f64::from(self.attempts().max(1))
    }

    /// When an attempt last failed.
    pub(super) fn last_failure(&self) -> Timestamp {
        self.last_failure
    }
}
