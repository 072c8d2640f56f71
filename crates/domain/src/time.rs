//! Points in time, as microseconds since the Unix epoch.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
///
/// Shown as RFC 3339 in UTC with milliseconds, kept with microseconds so that durations between two
/// of them stay meaningful.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// The text was no RFC 3339 time.
#[derive(Debug, thiserror::Error)]
#[error("not an RFC 3339 time such as 2026-01-31T12:00:00Z")]
pub struct InvalidTimestamp;

/// 9999-12-30T22:00:00Z: about where the RFC 3339 form ends, and where the calendar library does.
const MAX_MICROS: i64 = 253_402_207_200_000_000;

impl Timestamp {
    /// Takes microseconds since the Unix epoch; clamped to the years 1970 to 9999.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        let micros = if micros < 0 { 0 } else { micros };
        Self(if micros > MAX_MICROS {
            MAX_MICROS
        } else {
            micros
        })
    }

    /// Takes milliseconds since the Unix epoch; clamped as in [`Timestamp::from_micros`].
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self::from_micros(millis.saturating_mul(1_000))
    }

    /// Takes seconds since the Unix epoch; clamped as in [`Timestamp::from_micros`].
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self::from_micros(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0 / 1_000
    }

    /// Whole seconds since the Unix epoch.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0 / 1_000_000
    }

    /// The time that passed since `earlier`; zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// This time and `span` after it, at most the end of the calendar.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_add(micros))
    }

    /// This time less `span`, at least the Unix epoch.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_sub(micros))
    }

    /// Reads an RFC 3339 time with any offset.
    ///
    /// # Errors
    /// When the text is no RFC 3339 time, or one before 1970.
    pub fn parse(text: &str) -> Result<Self, InvalidTimestamp> {
        let parsed: jiff::Timestamp = text.parse().map_err(|_| InvalidTimestamp)?;
        let micros = parsed.as_microsecond();
        if (0..=MAX_MICROS).contains(&micros) {
            Ok(Self(micros))
        } else {
            Err(InvalidTimestamp)
        }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.millis()) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_in_utc_with_milliseconds() {
        assert_eq!(
            Timestamp::from_micros(1_585_778_038_200_999).to_string(),
            "2020-04-01T21:53:58.200Z"
        );
        assert_eq!(
            Timestamp::from_seconds(0).to_string(),
            "1970-01-01T00:00:00.000Z"
        );
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        let time = Timestamp::from_millis(1_790_000_000_123);
        assert_eq!(Timestamp::parse(&time.to_string()).unwrap(), time);
        assert_eq!(
            Timestamp::parse("2026-09-21T16:53:20.123+03:00")
                .unwrap()
                .to_string(),
            "2026-09-21T13:53:20.123Z"
        );
    }

    #[test]
    fn a_text_that_is_no_time_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-13-01T00:00:00Z",
            "2026-01-01",
            "1960-01-01T00:00:00Z",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sums_stay_within_the_calendar() {
        assert_eq!(
            Timestamp::from_micros(i64::MAX)
                .after(Duration::MAX)
                .to_string(),
            "9999-12-30T22:00:00.000Z"
        );
        assert_eq!(
            Timestamp::from_seconds(5).before(Duration::from_secs(9)),
            Timestamp::default()
        );
    }
}
