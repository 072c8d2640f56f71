//! Messages: our events.

use fanfare_app::port::log::Event;
use serde_json::{Value, json};

use super::ids;

pub(super) mod create;
pub(super) mod expunge;
pub(super) mod filter;
pub(super) mod list;
pub(super) mod payload;
pub(super) mod read;

/// The attribute that `channels` of endpoints are compared with.
pub(super) const CHANNELS: &str = "channel";
/// The attribute that `tags` are kept as. No endpoint of this contract asks for it.
pub(super) const TAGS: &str = "tag";

/// The id of a message.
pub(super) fn id(event: &Event) -> String {
    ids::shown(ids::MESSAGE, event.id.bits())
}

/// How a message is shown.
pub(super) fn shown(event: &Event, with_content: bool) -> Value {
    let mut value = json!({
        "id": id(event),
        "eventType": event.event_type.as_str(),
        "payload": payload::shown(event, with_content),
        "channels": event.attributes.get(CHANNELS),
        "timestamp": event.created_at.to_string(),
    });
    if let Some(uid) = &event.uid {
        value["eventId"] = json!(uid);
    }
    if let Some(tags) = event.attributes.get(TAGS) {
        value["tags"] = json!(tags);
    }
    if let Some(at) = event.deliver_at {
        value["deliverAt"] = json!(at.to_string());
    }
    value
}
