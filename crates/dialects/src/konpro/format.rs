//! How KonPro's deliveries look: `{"event_type", "event_data"}`, signed over the body alone.
//!
//! KonPro has not published its signature; this is what the API that it follows does: HMAC-SHA256
//! keyed with the whole secret, `whsec_` included, in lower-case hex.

use std::time::Duration;

use bytes::Bytes;
use fanfare_app::directory::Target;
use fanfare_app::format::{Format, Parcel, Prepared};
use fanfare_domain::header::check_headers;
use fanfare_domain::policy::{DeliveryPolicy, PolicyPatch};
use fanfare_domain::secret::{SECRET_BYTES, SecretKind};
use fanfare_domain::time::Timestamp;
use http::{HeaderName, HeaderValue};

use super::NAME;
use crate::signing::{hex, hmac_sha256_hex};

/// The format, with the policy that holds for all its endpoints.
pub(super) struct KonProFormat {
    header: HeaderName,
    preset: DeliveryPolicy,
}

impl KonProFormat {
    /// # Errors
    /// When the name can't be that of a header.
    pub(super) fn new(header: &str, patch: &PolicyPatch) -> Result<Self, String> {
        let given = [(header.to_owned(), String::new())].into();
        if let Err(faults) = check_headers(&given) {
            let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
            return Err(format!("must name a header: {}", faults.join(", ")));
        }
        let header = HeaderName::from_bytes(header.as_bytes())
            .map_err(|_| "must name a header".to_owned())?;
        Ok(Self {
            header,
            preset: preset().with(patch),
        })
    }
}

/// The policy that all of Fanfare shares, but for what no page of KonPro's speaks of: a meaning of 410,
/// attempts held back because others failed, and an end to an endpoint that only fails.
fn preset() -> DeliveryPolicy {
    DeliveryPolicy {
        gone_disables: false,
        breaker: None,
        disable_after: None,
        ..DeliveryPolicy::native()
    }
}

/// `whsec_` and 32 hexadecimal digits.
pub(super) fn secret(chance: &[u8; SECRET_BYTES]) -> String {
    format!("whsec_{}", hex(&chance[..16]))
}

/// `{"event_type":…,"event_data":…}`, with the data's bytes as they came in.
fn body(event_type: &str, data: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(data.len() + event_type.len() + 40);
    // An event type's characters need no escape in JSON.
    body.extend_from_slice(b"{\"event_type\":\"");
    body.extend_from_slice(event_type.as_bytes());
    body.extend_from_slice(b"\",\"event_data\":");
    body.extend_from_slice(data);
    body.push(b'}');
    body
}

impl Format for KonProFormat {
    fn dialect(&self) -> Option<&'static str> {
        Some(NAME)
    }

    fn preset(&self) -> &DeliveryPolicy {
        &self.preset
    }

    fn new_secret(&self, _: SecretKind, chance: &[u8; SECRET_BYTES]) -> String {
        secret(chance)
    }

    fn check_secret(&self, text: &str) -> Result<(), String> {
        if (1..=256).contains(&text.len()) {
            Ok(())
        } else {
            Err("must be 1 to 256 bytes long".to_owned())
        }
    }

    fn rotation_overlap(&self) -> Option<Duration> {
        // An endpoint shows one secret, so the old one stops at once.
        Some(Duration::ZERO)
    }

    fn prepare(&self, parcel: &Parcel, target: &Target, now: Timestamp) -> Prepared {
        let event = &parcel.event;
        let body = body(event.event_type.as_str(), &event.data);
        let mut headers = target.headers.clone();
        let secret = target
            .endpoint
            .secrets
            .iter()
            .find(|secret| secret.signs_at(now));
        if let Some(secret) = secret {
            let signature = hmac_sha256_hex(&secret.text, &[&body]);
            if let Ok(value) = HeaderValue::try_from(signature) {
                headers.insert(self.header.clone(), value);
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
        let body = body("avatar_video.success", br#"{"video_id":"v1"}"#);
        assert_eq!(
            body,
            br#"{"event_type":"avatar_video.success","event_data":{"video_id":"v1"}}"#
        );
        assert_eq!(
            hmac_sha256_hex("whsec_abc123def456", &[&body]),
            "2bcf8f06d86a83013b6f91840470fc169b1c6b680cbfc6dd7d07f2656a69cbfc"
        );
    }

    #[test]
    fn a_secret_has_its_prefix_and_32_hexadecimal_digits() {
        let text = secret(&[0xA7; 32]);
        assert_eq!(text, format!("whsec_{}", "a7".repeat(16)));
    }

    #[test]
    fn the_signatures_header_can_be_named_otherwise() {
        assert!(KonProFormat::new("X-KonPro-Signature", &PolicyPatch::default()).is_ok());
        for name in ["", "a b", "content-length", "webhook-id"] {
            assert!(
                KonProFormat::new(name, &PolicyPatch::default()).is_err(),
                "{name}"
            );
        }
    }

    #[test]
    fn an_answer_of_410_is_a_failure_like_any_other() {
        let format = KonProFormat::new("Signature", &PolicyPatch::default()).unwrap();
        assert!(!format.preset().gone_disables && !format.preset().exhausted_disables);
    }
}
