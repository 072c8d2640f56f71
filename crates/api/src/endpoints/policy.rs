//! Delivery policies, with durations as texts.

use std::time::Duration;

use fanfare_domain::policy::PolicyPatch;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::breaker::BreakerForm;
use crate::span::Span;

/// How an endpoint's deliveries differ from the usual policy; what is absent is as usual.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DeliveryPolicy)]
pub(crate) struct PolicyForm {
    /// Time for a whole attempt, the answer's body included: 100ms to 60s, usually 15s.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    timeout: Option<Span>,
    /// The wait before each attempt, the first included; each counts from the failure before. 1 to 50
    /// waits of at most 7d. Usually 0s, 5s, 5m, 30m, 2h, 5h, 10h, 14h, 20h, 24h.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline, min_items = 1, max_items = 50, example = json!(["0s", "5s", "5m"]))]
    waits: Option<Vec<Span>>,
    /// The most that chance adds to a wait, as a share of it: 0 to 1, usually 0.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1, example = 0.1)]
    jitter: Option<f64>,
    /// Time from the first attempt's start after which no attempt begins: 1s to 30d, usually without
    /// end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    total_time: Option<Span>,
    /// The most that a `Retry-After` of the receiver puts the next attempt off: at most 24h, and
    /// usually that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    retry_after_limit: Option<Span>,
    /// Whether the answer 410 Gone disables the endpoint and ends the delivery; usually it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    gone_disables: Option<bool>,
    /// Whether a delivery that used up its attempts disables the endpoint; usually it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    exhausted_disables: Option<bool>,
    /// When attempts stop for a while because too many fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    breaker: Option<BreakerForm>,
    /// The time of nothing but failures after which the endpoint is disabled: 1h to 30d, usually 5d;
    /// `0s`: never. Its owner is warned after a half, three quarters and nine tenths of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline, example = "5d")]
    disable_after: Option<Span>,
}

fn span(given: Option<Duration>) -> Option<Span> {
    given.map(Span)
}

fn duration(given: Option<Span>) -> Option<Duration> {
    given.map(|span| span.0)
}

impl From<PolicyForm> for PolicyPatch {
    fn from(given: PolicyForm) -> Self {
        Self {
            timeout: duration(given.timeout),
            waits: given
                .waits
                .map(|list| list.into_iter().map(|each| each.0).collect()),
            jitter: given.jitter,
            total_time: duration(given.total_time),
            retry_after_limit: duration(given.retry_after_limit),
            gone_disables: given.gone_disables,
            exhausted_disables: given.exhausted_disables,
            breaker: given.breaker.map(Into::into),
            disable_after: duration(given.disable_after),
        }
    }
}

impl From<PolicyPatch> for PolicyForm {
    fn from(patch: PolicyPatch) -> Self {
        Self {
            timeout: span(patch.timeout),
            waits: patch.waits.map(|list| list.into_iter().map(Span).collect()),
            jitter: patch.jitter,
            total_time: span(patch.total_time),
            retry_after_limit: span(patch.retry_after_limit),
            gone_disables: patch.gone_disables,
            exhausted_disables: patch.exhausted_disables,
            breaker: patch.breaker.map(Into::into),
            disable_after: span(patch.disable_after),
        }
    }
}
