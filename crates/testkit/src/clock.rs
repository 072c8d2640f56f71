//! A clock in virtual time.

use fanfare_app::port::Clock;
use fanfare_domain::time::Timestamp;
use tokio::time::Instant;

/// Where virtual time begins unless told: 2026-09-21T14:13:20Z.
pub const VIRTUAL_START: Timestamp = Timestamp::from_seconds(1_790_000_000);

/// Tells a time that follows the runtime's: in a runtime with paused time, virtual time.
#[derive(Clone, Copy, Debug)]
pub struct VirtualClock {
    base: Timestamp,
    start: Instant,
}

impl VirtualClock {
    /// It is `base` now.
    #[must_use]
    pub fn beginning_at(base: Timestamp) -> Self {
        Self {
            base,
            start: Instant::now(),
        }
    }
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::beginning_at(VIRTUAL_START)
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.base.after(self.start.elapsed())
    }
}
