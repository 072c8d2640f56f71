//! Rates of requests.

use fanfare_app::endpoints::RateLimitDraft;
use fanfare_domain::rate::{Per, RateLimit};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The time that a rate counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RatePeriod)]
pub(crate) enum PerForm {
    /// Requests in a second.
    Second,
    /// Requests in a minute.
    Minute,
}

/// The most requests that an endpoint gets in a time, evenly spread: first attempts, retries and
/// replays alike; test calls don't count. What is past it waits its turn, which is no attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RateLimit)]
pub(crate) struct RateLimitForm {
    /// So many requests: 1 to 10000 in a second, 1 to 600000 in a minute.
    #[schema(minimum = 1, maximum = 600_000, example = 10)]
    requests: u32,
    /// In this time.
    per: PerForm,
    /// So many of them may come at once after a rest: 1 to 10000. Unless told, what the rate makes of a
    /// 50th of a second, at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10_000, example = 1)]
    burst: Option<u32>,
}

impl From<RateLimitForm> for RateLimitDraft {
    fn from(given: RateLimitForm) -> Self {
        Self {
            requests: given.requests,
            per: match given.per {
                PerForm::Second => Per::Second,
                PerForm::Minute => Per::Minute,
            },
            burst: given.burst,
        }
    }
}

impl From<RateLimit> for RateLimitForm {
    fn from(limit: RateLimit) -> Self {
        Self {
            requests: limit.requests,
            per: match limit.per {
                Per::Second => PerForm::Second,
                Per::Minute => PerForm::Minute,
            },
            burst: Some(limit.burst),
        }
    }
}
