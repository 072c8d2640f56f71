//! Payloads: delivered as the bytes that were published.
//!
//! What `rawPayload` says takes a payload's place. The log keeps JSON, so a raw payload that is none is kept
//! as a JSON text with a mark beside it; other formats deliver that text.

use bytes::Bytes;
use fanfare_app::port::log::Event;
use http::HeaderValue;
use serde_json::{Value, json};

/// The attribute that marks a raw payload which is no JSON.
pub(super) const RAW: &str = "svix.raw";
/// The attribute with the content type that a delivery has.
pub(super) const CONTENT_TYPE: &str = "svix.content-type";

/// The text of a raw payload that is no JSON.
fn raw(event: &Event) -> Option<String> {
    event.attributes.get(RAW)?;
    serde_json::from_slice(&event.data).ok()
}

/// The body of a delivery.
pub(in crate::svix) fn sent(event: &Event) -> Bytes {
    match raw(event) {
        Some(text) => Bytes::from(text),
        None => event.data.clone(),
    }
}

/// The content type of a delivery, where the message has its own.
pub(in crate::svix) fn content_type(event: &Event) -> Option<HeaderValue> {
    let kind = event.attributes.get(CONTENT_TYPE)?.first()?;
    HeaderValue::from_str(kind).ok()
}

/// How a payload is shown.
pub(super) fn shown(event: &Event, with_content: bool) -> Value {
    if !with_content {
        return json!({});
    }
    if event.payload_gone() {
        return json!({"expired": true});
    }
    match (raw(event), serde_json::from_slice(&event.data)) {
        (Some(text), _) => json!({"rawPayload": text}),
        (None, Ok(value @ Value::Object(_))) => value,
        // JSON, but no object: it was given as raw payload too. So was what has no value here, such as a
        // number past the range.
        (None, _) => json!({"rawPayload": String::from_utf8_lossy(&event.data)}),
    }
}
