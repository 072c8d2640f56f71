//! Delivery policies: what follows from an attempt, as data.
//!
//! The native policy and each dialect's are values of one type; an endpoint may differ from its
//! preset by a patch. [`DeliveryPolicy::decide`] is the whole rule of what comes after an attempt.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::attempt::ErrorKind;
use crate::breaker::{BreakerPatch, BreakerRules};
use crate::delivery::FailedReason;
use crate::endpoint::DisabledReason;
use crate::time::Timestamp;

pub(crate) mod duration_text;
mod retry_after;
mod schedule;

pub use duration_text::{InvalidDuration, format_duration, parse_duration};
pub use retry_after::RetryAfter;
pub use schedule::Schedule;

/// How an endpoint's deliveries are made.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryPolicy {
    /// Time for a whole attempt, the answer's body included.
    pub timeout: Duration,
    /// When each attempt is made.
    pub schedule: Schedule,
    /// The most that chance adds to a wait, as a share of it. It never shortens one.
    pub jitter: f64,
    /// Time from the first attempt's start after which no attempt begins.
    pub total_time: Option<Duration>,
    /// The most that a `Retry-After` can put the next attempt off; none: it is not heeded.
    pub retry_after_limit: Option<Duration>,
    /// The most that a `Retry-After` can make of a planned wait, as a multiple of it; none: any, within
    /// the limit above.
    pub retry_after_waits: Option<f64>,
    /// The least wait after an answer that did not come in time, and after 429.
    pub overloaded_wait: Duration,
    /// Whether 410 disables the endpoint and ends the delivery.
    pub gone_disables: bool,
    /// Whether a delivery that used up its attempts disables the endpoint.
    pub exhausted_disables: bool,
    /// When attempts stop for a while because too many fail; none: never.
    pub breaker: Option<BreakerRules>,
    /// The time of nothing but failures after which the endpoint is disabled; none: never.
    pub disable_after: Option<Duration>,
}

/// How an endpoint's policy differs from its preset; what is absent is the preset's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyPatch {
    /// See [`DeliveryPolicy::timeout`].
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "duration_text::option"
    )]
    pub timeout: Option<Duration>,
    /// The wait before each attempt, the first included.
    #[serde(skip_serializing_if = "Option::is_none", with = "duration_text::list")]
    pub waits: Option<Vec<Duration>>,
    /// See [`DeliveryPolicy::jitter`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<f64>,
    /// See [`DeliveryPolicy::total_time`].
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "duration_text::option"
    )]
    pub total_time: Option<Duration>,
    /// See [`DeliveryPolicy::retry_after_limit`].
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "duration_text::option"
    )]
    pub retry_after_limit: Option<Duration>,
    /// See [`DeliveryPolicy::gone_disables`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gone_disables: Option<bool>,
    /// See [`DeliveryPolicy::exhausted_disables`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exhausted_disables: Option<bool>,
    /// See [`DeliveryPolicy::breaker`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaker: Option<BreakerPatch>,
    /// See [`DeliveryPolicy::disable_after`]; zero: never.
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "duration_text::option"
    )]
    pub disable_after: Option<Duration>,
}

const HOUR: Duration = Duration::from_secs(3_600);

/// Why a policy can't be taken: the member, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{member} {detail}")]
pub struct InvalidPolicy {
    /// The member of the patch.
    pub member: &'static str,
    /// What would be right.
    pub detail: &'static str,
}

impl PolicyPatch {
    /// The most attempts that a schedule has.
    pub const MAX_ATTEMPTS: usize = 50;
    /// The longest wait between two attempts.
    pub const MAX_WAIT: Duration = Duration::from_secs(7 * 24 * 3600);
    /// The longest time for an attempt.
    pub const MAX_TIMEOUT: Duration = Duration::from_secs(60);

    /// Everything that is wrong with it.
    #[must_use]
    pub fn faults(&self) -> Vec<InvalidPolicy> {
        let mut faults = Vec::new();
        let mut fault = |member, detail| faults.push(InvalidPolicy { member, detail });
        if let Some(timeout) = self.timeout
            && !(Duration::from_millis(100)..=Self::MAX_TIMEOUT).contains(&timeout)
        {
            fault("timeout", "must be from 100ms to 60s");
        }
        if let Some(waits) = &self.waits {
            if waits.is_empty() || waits.len() > Self::MAX_ATTEMPTS {
                fault("waits", "must list 1 to 50 waits, one before each attempt");
            }
            if waits.iter().any(|wait| *wait > Self::MAX_WAIT) {
                fault("waits", "must hold no wait longer than 7d");
            }
        }
        if let Some(jitter) = self.jitter
            && !(0.0..=1.0).contains(&jitter)
        {
            fault("jitter", "must be a number from 0 to 1");
        }
        if let Some(total) = self.total_time
            && !(Duration::from_secs(1)..=Duration::from_secs(30 * 24 * 3600)).contains(&total)
        {
            fault("total_time", "must be from 1s to 30d");
        }
        if let Some(limit) = self.retry_after_limit
            && limit > Duration::from_secs(24 * 3600)
        {
            fault("retry_after_limit", "must be at most 24h");
        }
        if let Some(span) = self.disable_after
            && !span.is_zero()
            && !(HOUR..=30 * 24 * HOUR).contains(&span)
        {
            fault("disable_after", "must be from 1h to 30d, or 0s for never");
        }
        if let Some(breaker) = &self.breaker {
            faults.extend(breaker.faults());
        }
        faults
    }
}

/// What an attempt came to, as far as the policy cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptResult {
    /// The status of a whole answer.
    pub status: Option<u16>,
    /// The kind of failure where there was none.
    pub error: Option<ErrorKind>,
    /// The answer's wish of when to come again.
    pub retry_after: Option<RetryAfter>,
    /// When the attempt ended.
    pub ended_at: Timestamp,
}

/// What follows from an attempt for its delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It arrived.
    Delivered,
    /// It is attempted again then.
    Retry {
        /// Not before.
        due_at: Timestamp,
    },
    /// No attempt is left.
    Failed(FailedReason),
}

/// What follows from an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// For the delivery.
    pub verdict: Verdict,
    /// For the endpoint: it is disabled.
    pub disable: Option<DisabledReason>,
}

impl DeliveryPolicy {
    /// The most that one answer's `Retry-After` keeps an endpoint's other deliveries back.
    pub const SLOWED_AT_MOST: Duration = Duration::from_secs(300);

    /// The native policy: ten attempts with the waits that Standard Webhooks recommends.
    #[must_use]
    pub fn native() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 3600;
        let waits = [
            0,
            5,
            5 * MINUTE,
            30 * MINUTE,
            2 * HOUR,
            5 * HOUR,
            10 * HOUR,
            14 * HOUR,
            20 * HOUR,
            24 * HOUR,
        ];
        Self {
            timeout: Duration::from_secs(15),
            schedule: Schedule::Waits(waits.into_iter().map(Duration::from_secs).collect()),
            jitter: 0.1,
            total_time: None,
            retry_after_limit: Some(Duration::from_secs(24 * HOUR)),
            retry_after_waits: None,
            overloaded_wait: Duration::ZERO,
            gone_disables: true,
            exhausted_disables: false,
            breaker: Some(BreakerRules::native()),
            disable_after: Some(Duration::from_secs(5 * 24 * HOUR)),
        }
    }

    /// This policy with what `patch` says put over it.
    #[must_use]
    pub fn with(&self, patch: &PolicyPatch) -> Self {
        Self {
            timeout: patch.timeout.unwrap_or(self.timeout),
            schedule: patch
                .waits
                .clone()
                .map_or_else(|| self.schedule.clone(), Schedule::Waits),
            jitter: patch.jitter.unwrap_or(self.jitter),
            total_time: patch.total_time.or(self.total_time),
            retry_after_limit: patch.retry_after_limit.or(self.retry_after_limit),
            retry_after_waits: self.retry_after_waits,
            overloaded_wait: self.overloaded_wait,
            gone_disables: patch.gone_disables.unwrap_or(self.gone_disables),
            exhausted_disables: patch.exhausted_disables.unwrap_or(self.exhausted_disables),
            breaker: match &patch.breaker {
                Some(breaker) => breaker.over(self.breaker.as_ref()),
                None => self.breaker.clone(),
            },
            disable_after: match patch.disable_after {
                Some(Duration::ZERO) => None,
                Some(span) => Some(span),
                None => self.disable_after,
            },
        }
    }

    /// How long a delivery waits behind an open breaker at the most: the total time, or where there is
    /// none, as long as all waits of the schedule take, and at least an hour.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.total_time.unwrap_or_else(|| {
            let waits = self.schedule.whole().unwrap_or(PolicyPatch::MAX_WAIT);
            waits.mul_f64(1.0 + self.jitter).max(HOUR)
        })
    }

    /// Whether the total time of a delivery whose first attempt began at `first` has run out.
    #[must_use]
    pub fn is_over(&self, first: Option<Timestamp>, now: Timestamp) -> bool {
        match (self.total_time, first) {
            (Some(total), Some(first)) => now > first.after(total),
            _ => false,
        }
    }

    /// Whether a delivery has waited long enough behind an open breaker: its time counts from its first
    /// attempt, or from when that was due.
    #[must_use]
    pub fn is_out_of_patience(
        &self,
        first: Option<Timestamp>,
        due_at: Timestamp,
        now: Timestamp,
    ) -> bool {
        now > first.unwrap_or(due_at).after(self.patience())
    }

    /// Until when a `Retry-After` keeps the endpoint's other deliveries back as
    /// well; none where it asks for nothing.
    #[must_use]
    pub fn slowed_until(&self, result: &AttemptResult) -> Option<Timestamp> {
        let limit = self.retry_after_limit?.min(Self::SLOWED_AT_MOST);
        if result.error.is_some() || !matches!(result.status, Some(429 | 502 | 503 | 504)) {
            return None;
        }
        let until = result.retry_after?.at(result.ended_at);
        let until = until.min(result.ended_at.after(limit));
        (until > result.ended_at).then_some(until)
    }

    /// Whether a delivery that failed so disables its endpoint.
    #[must_use]
    pub fn disables(&self, failed: FailedReason) -> Option<DisabledReason> {
        match failed {
            FailedReason::Gone => self.gone_disables.then_some(DisabledReason::Gone),
            FailedReason::Exhausted => self.exhausted_disables.then_some(DisabledReason::Exhausted),
        }
    }

    /// When the first attempt is due, for an event accepted at `accepted`.
    #[must_use]
    pub fn first_due(&self, accepted: Timestamp) -> Timestamp {
        accepted.after(self.schedule.wait(1).unwrap_or_default())
    }

    /// What follows from attempt `number` (counted from 1) of a delivery whose first began at `first`.
    ///
    /// `chance` is from 0 to 1 and stretches the wait within the jitter.
    #[must_use]
    pub fn decide(
        &self,
        result: &AttemptResult,
        number: u16,
        first: Timestamp,
        chance: f64,
    ) -> Decision {
        let keep = |verdict| Decision {
            verdict,
            disable: None,
        };
        if result.error.is_none()
            && result
                .status
                .is_some_and(|status| (200..300).contains(&status))
        {
            return keep(Verdict::Delivered);
        }
        if self.gone_disables && result.error.is_none() && result.status == Some(410) {
            return Decision {
                verdict: Verdict::Failed(FailedReason::Gone),
                disable: self.disables(FailedReason::Gone),
            };
        }
        let exhausted = Decision {
            verdict: Verdict::Failed(FailedReason::Exhausted),
            disable: self.disables(FailedReason::Exhausted),
        };
        let Some(wait) = self.schedule.wait(number.saturating_add(1)) else {
            return exhausted;
        };
        let stretched = wait.mul_f64(1.0 + self.jitter * chance.clamp(0.0, 1.0));
        let overloaded = result.error == Some(ErrorKind::Timeout) || result.status == Some(429);
        let least = if overloaded {
            self.overloaded_wait
        } else {
            Duration::ZERO
        };
        let planned = stretched.max(least);
        let mut due_at = result.ended_at.after(planned);
        if let (Some(limit), Some(wish)) = (self.retry_after_limit, result.retry_after) {
            let limit = match self.retry_after_waits {
                Some(waits) => limit.min(planned.mul_f64(waits)),
                None => limit,
            };
            due_at = due_at.max(wish.at(result.ended_at).min(result.ended_at.after(limit)));
        }
        if self
            .total_time
            .is_some_and(|total| due_at > first.after(total))
        {
            return exhausted;
        }
        keep(Verdict::Retry { due_at })
    }
}

#[cfg(test)]
mod tests;
