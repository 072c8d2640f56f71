//! The time, as an argument.

use fanfare_domain::time::Timestamp;

/// Tells the time. Waiting is the runtime's: its timers follow virtual time in tests.
pub trait Clock: Send + Sync + 'static {
    /// The time by the calendar. May step when the machine's clock is set.
    fn now(&self) -> Timestamp;
}
