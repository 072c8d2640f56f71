//! How FullStory's deliveries look: `{"eventName", "version", "data"}`, signed over the body, the
//! organisation and the time.

use std::time::Duration;

use bytes::Bytes;
use fanfare_app::directory::Target;
use fanfare_app::format::{Format, Parcel, Prepared};
use fanfare_app::test_delivery::TEST_EVENT_TYPE;
use fanfare_domain::policy::{DeliveryPolicy, PolicyPatch};
use fanfare_domain::secret::{SECRET_BYTES, SecretKind};
use fanfare_domain::time::Timestamp;
use http::{HeaderName, HeaderValue};

use super::NAME;
use super::fields::MOST_SECRET;
use super::stringify::stringify;
use crate::signing::{hex, hmac_sha256_base64};

/// The version of all payloads.
pub(super) const VERSION: u32 = 1;

const SIGNATURE: HeaderName = HeaderName::from_static("fullstory-signature");

/// The format, with the policy that holds for all its endpoints.
pub(super) struct FullStoryFormat {
    org_id: String,
    preset: DeliveryPolicy,
}

impl FullStoryFormat {
    /// # Errors
    /// When receivers could not split the organisation off the header.
    pub(super) fn new(org_id: &str, patch: &PolicyPatch) -> Result<Self, String> {
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b':' | b',');
        if !(1..=128).contains(&org_id.len()) || !org_id.bytes().all(plain) {
            return Err("must be 1 to 128 visible ASCII characters without ':' and ','".to_owned());
        }
        Ok(Self {
            org_id: org_id.to_owned(),
            preset: preset().with(patch),
        })
    }

    /// The signature's header: parts apart by commas, names and values by colons.
    fn signature(&self, secret: &str, now: Timestamp, body: &[u8]) -> String {
        let time = now.seconds().to_string();
        let org_id = &self.org_id;
        let parts = [body, b":", org_id.as_bytes(), b":", time.as_bytes()];
        let signature = hmac_sha256_base64(secret, &parts);
        format!("o:{org_id},t:{time},v:{signature}")
    }
}

/// The policy that all of Fanfare shares, but for what no page of FullStory's speaks of: a meaning of 410,
/// attempts held back because others failed, and an end to an endpoint that only fails.
fn preset() -> DeliveryPolicy {
    DeliveryPolicy {
        gone_disables: false,
        breaker: None,
        disable_after: None,
        ..DeliveryPolicy::native()
    }
}

/// `{"eventName":…,"version":1,"data":…}`, as ECMAScript writes it.
fn body(event_type: &str, data: &[u8]) -> Vec<u8> {
    // The original's name of what only a test sends.
    let name = if event_type == TEST_EVENT_TYPE {
        "test"
    } else {
        event_type
    };
    // An event type's characters need no escape in JSON.
    let mut body =
        format!("{{\"eventName\":\"{name}\",\"version\":{VERSION},\"data\":").into_bytes();
    match stringify(data) {
        Some(data) => body.extend_from_slice(&data),
        // Never so: what is published was found to be JSON.
        None => body.extend_from_slice(data),
    }
    body.push(b'}');
    body
}

impl Format for FullStoryFormat {
    fn dialect(&self) -> Option<&'static str> {
        Some(NAME)
    }

    fn preset(&self) -> &DeliveryPolicy {
        &self.preset
    }

    fn new_secret(&self, _: SecretKind, chance: &[u8; SECRET_BYTES]) -> String {
        hex(chance)
    }

    fn check_secret(&self, text: &str) -> Result<(), String> {
        if (1..=MOST_SECRET).contains(&text.len()) {
            Ok(())
        } else {
            Err(format!("must be 1 to {MOST_SECRET} bytes long"))
        }
    }

    fn rotation_overlap(&self) -> Option<Duration> {
        // A signature has room for one secret.
        Some(Duration::ZERO)
    }

    fn prepare(&self, parcel: &Parcel, target: &Target, now: Timestamp) -> Prepared {
        let event = &parcel.event;
        let body = body(event.event_type.as_str(), &event.data);
        let mut headers = target.headers.clone();
        let mut secrets = target.endpoint.secrets.iter();
        if let Some(secret) = secrets.find(|secret| secret.signs_at(now)) {
            let signature = self.signature(&secret.text, now, &body);
            if let Ok(value) = HeaderValue::try_from(signature) {
                headers.insert(SIGNATURE, value);
            }
        }
        Prepared {
            headers,
            body: Bytes::from(body),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_and_its_signature_are_those_of_the_computed_vector() {
        let data = br#"{ "target": "https:\/\/example.com/fullstory-webhooks" }"#;
        let body = body(TEST_EVENT_TYPE, data);
        let expected = r#"{"eventName":"test","version":1,"data":{"target":"https://example.com/fullstory-webhooks"}}"#;
        assert_eq!(String::from_utf8_lossy(&body), expected);
        let format = FullStoryFormat::new("o-TEST1-na1", &PolicyPatch::default()).unwrap();
        let now = Timestamp::from_seconds(1_700_000_000);
        assert_eq!(
            format.signature("s3cr3t", now, &body),
            "o:o-TEST1-na1,t:1700000000,v:WNLjOpB3bR81AfnzkZ4iUvIXdOfDsW9HnECToWAdW1U="
        );
    }

    #[test]
    fn an_answer_of_410_is_a_failure_like_any_other() {
        let format = FullStoryFormat::new("o", &PolicyPatch::default()).unwrap();
        assert!(!format.preset().gone_disables && !format.preset().exhausted_disables);
    }
}
