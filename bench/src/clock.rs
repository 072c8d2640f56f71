//! One monotonic clock for everything that is measured.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

/// A moment before every other, so that the nanoseconds of each fit 64 bits and 0 means "never".
static START: LazyLock<Instant> = LazyLock::new(|| Instant::now() - Duration::from_secs(1));

/// Nanoseconds since just before the program began.
pub(crate) fn now() -> u64 {
    nanos(Instant::now())
}

/// The same of this moment.
pub(crate) fn nanos(moment: Instant) -> u64 {
    u64::try_from(moment.duration_since(*START).as_nanos()).unwrap_or(u64::MAX)
}

/// Nanoseconds of a span.
pub(crate) fn span(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Blocks this thread, which serves nobody else.
#[expect(
    clippy::disallowed_methods,
    reason = "the bench's own thread has nothing else to do"
)]
pub(crate) fn sleep(time: Duration) {
    std::thread::sleep(time);
}
