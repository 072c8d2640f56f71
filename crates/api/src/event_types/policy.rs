//! What an event type says of how its events are delivered.

use fanfare_domain::policy::PolicyPatch;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::span::Span;

/// How deliveries of an event type differ from the usual policy; what is absent is as usual.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EventTypePolicy)]
pub(crate) struct TypePolicyForm {
    /// Time for a whole attempt, the answer's body included: 100ms to 60s.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    timeout: Option<Span>,
    /// The wait before each attempt, the first included; each counts from the failure before. 1 to 50
    /// waits of at most 7d.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline, min_items = 1, max_items = 50, example = json!(["0s", "5s", "30s"]))]
    waits: Option<Vec<Span>>,
    /// The most that chance adds to a wait, as a share of it: 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1, example = 0.1)]
    jitter: Option<f64>,
    /// Time from the first attempt's start after which no attempt begins: 1s to 30d.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    total_time: Option<Span>,
    /// The most that a `Retry-After` of the receiver puts the next attempt off: at most 24h.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    retry_after_limit: Option<Span>,
}

impl From<TypePolicyForm> for PolicyPatch {
    fn from(given: TypePolicyForm) -> Self {
        Self {
            timeout: given.timeout.map(|span| span.0),
            waits: given
                .waits
                .map(|list| list.into_iter().map(|each| each.0).collect()),
            jitter: given.jitter,
            total_time: given.total_time.map(|span| span.0),
            retry_after_limit: given.retry_after_limit.map(|span| span.0),
            ..Self::default()
        }
    }
}

impl From<PolicyPatch> for TypePolicyForm {
    fn from(patch: PolicyPatch) -> Self {
        Self {
            timeout: patch.timeout.map(Span),
            waits: patch.waits.map(|list| list.into_iter().map(Span).collect()),
            jitter: patch.jitter,
            total_time: patch.total_time.map(Span),
            retry_after_limit: patch.retry_after_limit.map(Span),
        }
    }
}
