//! The native format: Standard Webhooks, version 1.0.

use bytes::Bytes;
use fanfare_domain::id::BatchId;
use fanfare_domain::policy::DeliveryPolicy;
use fanfare_domain::time::Timestamp;
use http::header::{HeaderName, HeaderValue};

use super::{BatchFormat, Format, Parcel, Prepared};
use crate::directory::Target;
use crate::port::log::Event;

const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Standard Webhooks, with the given policy as its preset.
#[derive(Debug)]
pub struct NativeFormat {
    preset: DeliveryPolicy,
}

impl NativeFormat {
    /// With this policy for endpoints that say nothing of their own.
    #[must_use]
    pub fn new(preset: DeliveryPolicy) -> Self {
        Self { preset }
    }
}

impl Format for NativeFormat {
    fn dialect(&self) -> Option<&'static str> {
        None
    }

    fn preset(&self) -> &DeliveryPolicy {
        &self.preset
    }

    fn prepare(&self, parcel: &Parcel, target: &Target, now: Timestamp) -> Prepared {
        signed(parcel.public_id(), parcel.native_body(), target, now)
    }

    fn batches(&self) -> Option<&dyn BatchFormat> {
        Some(self)
    }
}

impl BatchFormat for NativeFormat {
    fn prepare_batch(
        &self,
        id: BatchId,
        parcels: &[&Parcel],
        target: &Target,
        now: Timestamp,
    ) -> Prepared {
        signed(&id.to_string(), batch_body(parcels), target, now)
    }
}

/// A message under an id, with its headers.
fn signed(id: &str, body: Bytes, target: &Target, now: Timestamp) -> Prepared {
    let timestamp = now.seconds().to_string();
    let mut headers = target.headers.clone();
    let signature = target.signer.sign(now, id, &timestamp, &body);
    let entries = [
        (WEBHOOK_ID, HeaderValue::from_str(id).ok()),
        (WEBHOOK_TIMESTAMP, HeaderValue::try_from(timestamp).ok()),
        (
            WEBHOOK_SIGNATURE,
            signature.and_then(|text| HeaderValue::try_from(text).ok()),
        ),
    ];
    for (name, value) in entries {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
    Prepared { headers, body }
}

/// `{"type":…,"timestamp":…,"data":…}`, with the data's bytes as they came in.
pub(super) fn body(event: &Event) -> Bytes {
    let mut body = Vec::with_capacity(event.data.len() + event.event_type.as_str().len() + 64);
    // An event type's characters need no escape in JSON.
    body.extend_from_slice(b"{\"type\":\"");
    body.extend_from_slice(event.event_type.as_str().as_bytes());
    body.extend_from_slice(b"\",\"timestamp\":\"");
    body.extend_from_slice(event.created_at.to_string().as_bytes());
    body.extend_from_slice(b"\",\"data\":");
    body.extend_from_slice(&event.data);
    body.push(b'}');
    Bytes::from(body)
}

/// `[{"id":…,"type":…,"timestamp":…,"data":…},…]`: of each event its id, and what it is by itself.
fn batch_body(parcels: &[&Parcel]) -> Bytes {
    let mut body = vec![b'['];
    for (place, parcel) in parcels.iter().enumerate() {
        if place > 0 {
            body.push(b',');
        }
        body.extend_from_slice(b"{\"id\":");
        // An id may have characters that need an escape.
        body.extend_from_slice(serde_json::json!(parcel.public_id()).to_string().as_bytes());
        body.push(b',');
        let alone = parcel.native_body();
        body.extend_from_slice(alone.strip_prefix(b"{").unwrap_or(&alone));
    }
    body.push(b']');
    Bytes::from(body)
}
