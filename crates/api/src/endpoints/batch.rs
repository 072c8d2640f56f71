//! Batches of events.

use fanfare_domain::batch::Batching;
use fanfare_domain::fault::Fault;
use fanfare_domain::policy::parse_duration;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use crate::span::{PATTERN, Span};

/// How an endpoint's events are put together in one request: a JSON array of `{"id", "type", "timestamp",
/// "data"}` with each event's own id, signed as one message whose `webhook-id` is the batch's own. A batch is
/// sent when it has so many events or its first has waited for so long, and has at most 1 MiB of data. It
/// keeps its members and its id over its retries. With an order, a batch has events of one line. Replays
/// and extra attempts go by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Batching)]
pub(crate) struct BatchForm {
    /// The most events of a batch: 2 to 100.
    #[schema(minimum = 2, maximum = 100, example = 100)]
    max_events: u16,
    #[schema(schema_with = max_wait)]
    max_wait: Span,
}

/// As utoipa has no way to describe a member whose own schema stands in its place.
fn max_wait() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(
            "The longest that an event waits for others: 1ms to 1m.",
        ))
        .pattern(Some(PATTERN))
        .examples(["200ms"])
        .build()
}

/// What is wrong with those members of an endpoint's batching that can be read, whatever the others are.
pub(super) fn faults(endpoint: &Value) -> Vec<Fault> {
    let batch = &endpoint["batch"];
    let max_events = batch["max_events"].as_u64();
    let max_events = max_events.map(|given| u16::try_from(given).unwrap_or(u16::MAX));
    let max_wait = batch["max_wait"].as_str();
    let max_wait = max_wait.and_then(|text| parse_duration(text).ok());
    let mended = Batching::new(
        max_events.unwrap_or(Batching::MAX_EVENTS),
        max_wait.unwrap_or(Batching::MAX_WAIT),
    );
    let faults = mended.faults().into_iter();
    faults
        .map(|fault| Fault::at(&format!("batch/{}", fault.member), fault.detail))
        .collect()
}

impl From<BatchForm> for Batching {
    fn from(given: BatchForm) -> Self {
        Self::new(given.max_events, given.max_wait.0)
    }
}

impl From<Batching> for BatchForm {
    fn from(batching: Batching) -> Self {
        Self {
            max_events: batching.max_events,
            max_wait: Span(batching.max_wait()),
        }
    }
}
