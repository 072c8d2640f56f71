//! What the engine holds in memory.

use super::Engine;

/// What the engine holds in memory at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Lanes: endpoints that have work, or had some a moment ago.
    pub lanes: usize,
    /// Slots that requests under way have taken.
    pub requests: usize,
    /// Times at which lanes want to be woken; at most one for each lane.
    pub timers: usize,
    /// Bytes that payloads take, with what is needed beside them.
    pub payload_bytes: usize,
    /// Positions of the log from the first on that has a delivery without a row.
    pub without_row: usize,
}

impl Engine {
    /// What it holds in memory now.
    #[must_use]
    pub fn footprint(&self) -> Footprint {
        let shared = &self.shared;
        Footprint {
            lanes: shared.lanes.len(),
            requests: shared.slots.taken(),
            timers: shared.timer.len(),
            payload_bytes: shared.budget.used(),
            without_row: shared.tracker.lock().len(),
        }
    }
}
