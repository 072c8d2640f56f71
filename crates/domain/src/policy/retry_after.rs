//! The `Retry-After` header (RFC 9110, section 10.2.3).

use std::time::Duration;

use crate::time::Timestamp;

/// When a receiver wishes to be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// So long after the answer.
    Delay(Duration),
    /// Then.
    Date(Timestamp),
}

impl RetryAfter {
    /// Reads whole seconds or an HTTP date (`Wed, 21 Oct 2026 07:28:00 GMT`); none for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            // More digits than fit are a long time all the same; the policy's limit cuts it.
            let seconds = text.parse().unwrap_or(u64::from(u32::MAX));
            return Some(Self::Delay(Duration::from_secs(
                seconds.min(u64::from(u32::MAX)),
            )));
        }
        let parsed = jiff::fmt::strtime::parse("%a, %d %b %Y %H:%M:%S GMT", text).ok()?;
        let time = parsed
            .to_datetime()
            .ok()?
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()?;
        Some(Self::Date(Timestamp::from_millis(
            time.timestamp().as_millisecond(),
        )))
    }

    /// The time that is wished for, when the answer came at `answered`.
    #[must_use]
    pub fn at(self, answered: Timestamp) -> Timestamp {
        match self {
            Self::Delay(delay) => answered.after(delay),
            Self::Date(date) => date,
        }
    }
}
