//! The native format: Standard Webhooks, version 1.0.

use bytes::Bytes;
use fanfare_domain::policy::DeliveryPolicy;
use fanfare_domain::time::Timestamp;
use http::header::{HeaderName, HeaderValue};

use super::{Format, Parcel, Prepared};
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
        let body = parcel.native_body();
        let timestamp = now.seconds().to_string();
        let mut headers = target.headers.clone();
        let signature = target
            .signer
            .sign(now, parcel.public_id(), &timestamp, &body);
        let id = HeaderValue::from_str(parcel.public_id());
        let entries = [
            (WEBHOOK_ID, id.ok()),
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
