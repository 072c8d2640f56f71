//! Events as they are shown.

use std::collections::BTreeMap;

use fanfare_app::port::log::Event;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::problem::ProblemView;
use crate::time::Time;

/// An event that was accepted. It and the list of its targets are on disk.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PublishedEvent)]
pub(crate) struct PublishedView {
    /// Its id, which receivers see as `webhook-id`: the one that the publisher chose, or a generated
    /// one.
    #[schema(example = "evt_01m5d3xq9sabcdefghjkmnpqrs")]
    id: String,
    /// Its type.
    #[schema(example = "invoice.paid")]
    r#type: String,
    /// When it was accepted; receivers see it in the body.
    timestamp: Time,
    /// To how many endpoints it goes.
    #[schema(example = 2)]
    deliveries: usize,
}

impl From<&Event> for PublishedView {
    /// Only of what never changes, so that a repeated request is answered byte by byte as the first.
    fn from(event: &Event) -> Self {
        Self {
            id: event.public_id(),
            r#type: event.event_type.to_string(),
            timestamp: event.created_at.into(),
            deliveries: event.targets.len(),
        }
    }
}

/// What became of one event of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum BatchOutcome {
    /// It was accepted.
    Accepted(BatchAccepted),
    /// It was refused.
    Refused(BatchRefused),
}

/// An event of a batch that was accepted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchAccepted {
    /// What publishing it alone would be answered.
    #[schema(minimum = 202, maximum = 202, example = 202)]
    pub(crate) status: u16,
    /// The event.
    #[serde(flatten)]
    pub(crate) event: PublishedView,
}

/// An event of a batch that was refused.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchRefused {
    /// What publishing it alone would be answered.
    #[schema(minimum = 400, maximum = 599, example = 422)]
    pub(crate) status: u16,
    /// Why; places are those of the whole body.
    pub(crate) problem: ProblemView,
}

/// What became of the events of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchOutcomes {
    /// One outcome for each event, in their order.
    pub(crate) data: Vec<BatchOutcome>,
}

/// An event as lists have it: without its data.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventSummary)]
pub(crate) struct EventSummaryView {
    /// Its id: the one that the publisher chose, or the generated one.
    #[schema(example = "in_42:paid")]
    id: String,
    /// The generated id, which deliveries name.
    #[schema(example = "evt_01m5d3xq9sabcdefghjkmnpqrs")]
    generated_id: String,
    /// Its type.
    #[schema(example = "invoice.paid")]
    r#type: String,
    /// Its kind within the type.
    #[schema(required)]
    subcategory: Option<String>,
    /// What endpoints can ask for besides the type, always as lists.
    #[schema(example = json!({"region": ["eu"]}))]
    attributes: BTreeMap<String, Vec<String>>,
    /// When it was accepted.
    timestamp: Time,
    /// What it is ordered by at endpoints whose `ordering` is `by_key`; null: nothing.
    #[schema(required)]
    ordering_key: Option<String>,
    /// Before when nothing of it was, or is, sent; null: it was due when it was accepted.
    #[schema(required)]
    deliver_at: Option<Time>,
    /// When its deliveries end if they have not ended before; null: only their policy ends them.
    #[schema(required)]
    expires_at: Option<Time>,
    /// When its data is forgotten at the latest; null: as the server's retention says.
    #[schema(required)]
    data_until: Option<Time>,
    /// To how many endpoints it went at first.
    deliveries: usize,
    /// Whether its data is still kept.
    payload_kept: bool,
}

/// What was published.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventView {
    /// All but the data.
    #[serde(flatten)]
    summary: EventSummaryView,
    /// Its data, as it came in; null also where it is not kept any more, see `payload_kept`.
    #[schema(value_type = serde_json::Value)]
    data: Option<Box<RawValue>>,
}

impl From<&Event> for EventSummaryView {
    fn from(event: &Event) -> Self {
        let attributes = event.attributes.iter();
        let attributes = attributes.map(|(name, values)| (name.to_owned(), values.to_vec()));
        Self {
            id: event.public_id(),
            generated_id: event.id.to_string(),
            r#type: event.event_type.to_string(),
            subcategory: event.subcategory.clone(),
            attributes: attributes.collect(),
            timestamp: event.created_at.into(),
            ordering_key: event.ordering_key.clone(),
            deliver_at: event.deliver_at.map(Time),
            expires_at: event.expires_at.map(Time),
            data_until: event.data_until.map(Time),
            deliveries: event.targets.len(),
            payload_kept: !event.payload_gone(),
        }
    }
}

impl From<&Event> for EventView {
    fn from(event: &Event) -> Self {
        Self {
            summary: event.into(),
            data: serde_json::from_slice(&event.data).ok(),
        }
    }
}
