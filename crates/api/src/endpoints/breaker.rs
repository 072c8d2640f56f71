//! Breakers: their rules, and how one stands.

use fanfare_domain::breaker::{BreakerPatch, BreakerState, OpenReason};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::span::Span;
use crate::time::Time;

/// When attempts stop for a while because too many fail; what is absent is as usual.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BreakerPolicy)]
pub(crate) struct BreakerForm {
    /// Whether there is a breaker; usually there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    /// So many failures in a row open it: 1 to 10000, usually 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10_000, example = 20)]
    failures: Option<u32>,
    /// This share of failures among the attempts within the window opens it: above 0 to 1, usually 0.8.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(exclusive_minimum = 0, maximum = 1, example = 0.8)]
    failure_rate: Option<f64>,
    /// The fewest attempts within the window of which the share counts: 1 to 100000, usually 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100_000, example = 50)]
    least_attempts: Option<u32>,
    /// How long attempts count for the share: 1s to 1h, usually 1m.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline, example = "1m")]
    window: Option<Span>,
    /// The wait for the first probe; each later one is twice as long. 1s to 1h, usually 2s.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline, example = "2s")]
    first_wait: Option<Span>,
    /// The longest wait for a probe: 1s to 24h, usually 10m.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline, example = "10m")]
    longest_wait: Option<Span>,
}

impl From<BreakerForm> for BreakerPatch {
    fn from(given: BreakerForm) -> Self {
        Self {
            enabled: given.enabled,
            failures: given.failures,
            failure_rate: given.failure_rate,
            least_attempts: given.least_attempts,
            window: given.window.map(|span| span.0),
            first_wait: given.first_wait.map(|span| span.0),
            longest_wait: given.longest_wait.map(|span| span.0),
        }
    }
}

impl From<BreakerPatch> for BreakerForm {
    fn from(patch: BreakerPatch) -> Self {
        Self {
            enabled: patch.enabled,
            failures: patch.failures,
            failure_rate: patch.failure_rate,
            least_attempts: patch.least_attempts,
            window: patch.window.map(Span),
            first_wait: patch.first_wait.map(Span),
            longest_wait: patch.longest_wait.map(Span),
        }
    }
}

/// How a breaker stands: `closed` (attempts pass), `open` (none does until the next probe) or `probing`
/// (one delivery is under way to find out).
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BreakerState)]
pub(crate) enum BreakerStateView {
    /// Attempts pass.
    Closed,
    /// None passes until the next probe.
    Open,
    /// One delivery is under way to find out.
    Probing,
}

/// Why a breaker opened: `failures_in_a_row`, `failure_rate` (too many of the last attempts failed), or
/// `failing_before` (it failed for long before the server started, and nothing has arrived since), or
/// `open_elsewhere` (another node's opened, and nothing was found out by this one yet).
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BreakerReason)]
pub(crate) enum OpenReasonView {
    /// So many attempts failed one after another.
    FailuresInARow,
    /// Too many of the last attempts failed.
    FailureRate,
    /// It failed for long before the start.
    FailingBefore,
    /// Another node's opened.
    OpenElsewhere,
}

impl From<OpenReason> for OpenReasonView {
    fn from(reason: OpenReason) -> Self {
        match reason {
            OpenReason::FailuresInARow => Self::FailuresInARow,
            OpenReason::FailureRate => Self::FailureRate,
            OpenReason::FailingBefore => Self::FailingBefore,
            OpenReason::OpenElsewhere => Self::OpenElsewhere,
        }
    }
}

/// How an endpoint's breaker stands. While it is not closed, deliveries wait, which is no attempt.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = Breaker)]
pub(crate) struct BreakerView {
    /// How it stands.
    state: BreakerStateView,
    /// Since when it is not closed.
    #[schema(required)]
    since: Option<Time>,
    /// Why it opened.
    #[schema(required)]
    reason: Option<OpenReasonView>,
    /// When the next delivery may try.
    #[schema(required)]
    next_probe_at: Option<Time>,
}

impl From<BreakerState> for BreakerView {
    fn from(breaker: BreakerState) -> Self {
        let (state, opened, next_probe_at) = match breaker {
            BreakerState::Closed => (BreakerStateView::Closed, None, None),
            BreakerState::Open {
                opened,
                next_probe_at,
            } => (BreakerStateView::Open, Some(opened), Some(next_probe_at)),
            BreakerState::Probing { opened } => (BreakerStateView::Probing, Some(opened), None),
        };
        Self {
            state,
            since: opened.map(|opened| opened.since.into()),
            reason: opened.map(|opened| opened.reason.into()),
            next_probe_at: next_probe_at.map(Time),
        }
    }
}
