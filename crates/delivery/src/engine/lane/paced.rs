//! What an endpoint's rate means for what its lane keeps in memory: while something waits for its turn there,
//! others' events may find no room.

use std::time::Duration;

use fanfare_domain::time::Timestamp;

use super::{Lane, State};

/// A lane with a rate reads ahead for so long.
const MOMENT: Duration = Duration::from_secs(1);

impl Lane {
    /// When the rate lets the next request begin, where that is not now.
    pub(in crate::engine) fn paced_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.state.lock().paced_until(now)
    }
}

impl State {
    /// When the rate lets the next request begin, where that is not now.
    pub(super) fn paced_until(&self, now: Timestamp) -> Option<Timestamp> {
        let (rate, pace) = (self.rate.as_ref()?, self.pace.as_ref()?);
        Some(pace.ready_at(rate, now)).filter(|ready_at| *ready_at > now)
    }

    /// How many requests the rate lets begin within a moment, and at least one; none where there is no rate.
    pub(super) fn paced_within(&self, now: Timestamp) -> Option<usize> {
        let (rate, pace) = (self.rate.as_ref()?, self.pace.as_ref()?);
        Some(pace.lets_through(rate, now, now.after(MOMENT)).max(1))
    }
}
