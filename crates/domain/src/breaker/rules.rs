//! When a breaker opens and how it waits, as data.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::policy::{InvalidPolicy, duration_text};

/// When a breaker opens, and how it waits.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakerRules {
    /// So many failures in a row open it.
    pub failures: u32,
    /// This share of failures among the attempts within the window opens it, from above 0 to 1.
    pub failure_rate: f64,
    /// The fewest attempts within the window of which the share counts.
    pub least_attempts: u32,
    /// How long attempts count for the share.
    pub window: Duration,
    /// The wait for the first probe; each later one is twice as long.
    pub first_wait: Duration,
    /// The longest wait for a probe.
    pub longest_wait: Duration,
}

/// How an endpoint's breaker differs from its preset's; what is absent is the preset's, or the native
/// one's where the preset has none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerPatch {
    /// Whether there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// See [`BreakerRules::failures`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures: Option<u32>,
    /// See [`BreakerRules::failure_rate`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_rate: Option<f64>,
    /// See [`BreakerRules::least_attempts`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least_attempts: Option<u32>,
    /// See [`BreakerRules::window`].
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "duration_text::option"
    )]
    pub window: Option<Duration>,
    /// See [`BreakerRules::first_wait`].
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "duration_text::option"
    )]
    pub first_wait: Option<Duration>,
    /// See [`BreakerRules::longest_wait`].
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "duration_text::option"
    )]
    pub longest_wait: Option<Duration>,
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

impl BreakerRules {
    /// The native ones: 20 failures in a row, or four fifths of at least 50 attempts within about a
    /// minute. A mostly healthy endpoint does neither.
    #[must_use]
    pub fn native() -> Self {
        Self {
            failures: 20,
            failure_rate: 0.8,
            least_attempts: 50,
            window: Duration::from_secs(60),
            first_wait: Duration::from_secs(2),
            longest_wait: Duration::from_secs(600),
        }
    }
}

impl BreakerPatch {
    /// One that switches the breaker off.
    #[must_use]
    pub fn off() -> Self {
        Self {
            enabled: Some(false),
            ..Self::default()
        }
    }

    /// What it makes of a preset's rules.
    #[must_use]
    pub fn over(&self, preset: Option<&BreakerRules>) -> Option<BreakerRules> {
        if self.enabled == Some(false) {
            return None;
        }
        if *self == Self::default() {
            return preset.cloned();
        }
        let preset = preset.cloned().unwrap_or_else(BreakerRules::native);
        Some(BreakerRules {
            failures: self.failures.unwrap_or(preset.failures),
            failure_rate: self.failure_rate.unwrap_or(preset.failure_rate),
            least_attempts: self.least_attempts.unwrap_or(preset.least_attempts),
            window: self.window.unwrap_or(preset.window),
            first_wait: self.first_wait.unwrap_or(preset.first_wait),
            longest_wait: self.longest_wait.unwrap_or(preset.longest_wait),
        })
    }

    /// Everything that is wrong with it; members are told below `breaker`.
    #[must_use]
    pub fn faults(&self) -> Vec<InvalidPolicy> {
        let mut faults = Vec::new();
        let mut fault = |member, detail| faults.push(InvalidPolicy { member, detail });
        if self
            .failures
            .is_some_and(|count| !(1..=10_000).contains(&count))
        {
            fault("breaker/failures", "must be from 1 to 10000");
        }
        if self
            .failure_rate
            .is_some_and(|share| !(share > 0.0 && share <= 1.0))
        {
            fault("breaker/failure_rate", "must be above 0 and at most 1");
        }
        if self
            .least_attempts
            .is_some_and(|count| !(1..=100_000).contains(&count))
        {
            fault("breaker/least_attempts", "must be from 1 to 100000");
        }
        if self
            .window
            .is_some_and(|span| !(SECOND..=HOUR).contains(&span))
        {
            fault("breaker/window", "must be from 1s to 1h");
        }
        if self
            .first_wait
            .is_some_and(|wait| !(SECOND..=HOUR).contains(&wait))
        {
            fault("breaker/first_wait", "must be from 1s to 1h");
        }
        if self
            .longest_wait
            .is_some_and(|wait| !(SECOND..=24 * HOUR).contains(&wait))
        {
            fault("breaker/longest_wait", "must be from 1s to 24h");
        }
        if let (Some(first), Some(longest)) = (self.first_wait, self.longest_wait)
            && first > longest
        {
            fault(
                "breaker/longest_wait",
                "must not be shorter than first_wait",
            );
        }
        faults
    }
}
