//! How Nursa's deliveries look: `{"data", "eventType"}`, signed with each of the secrets.

use std::time::Duration;

use bytes::Bytes;
use fanfare_app::directory::Target;
use fanfare_app::format::{Format, Parcel, Prepared};
use fanfare_domain::policy::{DeliveryPolicy, PolicyPatch, Schedule};
use fanfare_domain::secret::{SECRET_BYTES, SecretKind};
use fanfare_domain::time::Timestamp;
use http::{HeaderName, HeaderValue};
use ring::digest;

use super::NAME;
use crate::signing::hmac_sha256_hex;

const SIGNATURE: HeaderName = HeaderName::from_static("nursa-signature");

/// The format, with the policy that holds for all its endpoints.
pub(super) struct NursaFormat {
    preset: DeliveryPolicy,
}

impl NursaFormat {
    pub(super) fn new(patch: &PolicyPatch) -> Self {
        Self {
            preset: preset().with(patch),
        }
    }
}

/// Three retries, each so long after the failure before it; then the delivery is dropped.
fn preset() -> DeliveryPolicy {
    const MINUTE: u64 = 60;
    let waits = [0, 5 * MINUTE, 30 * MINUTE, 60 * MINUTE];
    DeliveryPolicy {
        timeout: Duration::from_secs(10),
        schedule: Schedule::Waits(waits.into_iter().map(Duration::from_secs).collect()),
        jitter: 0.0,
        total_time: None,
        retry_after_limit: None,
        retry_after_waits: None,
        overloaded_wait: Duration::ZERO,
        gone_disables: false,
        exhausted_disables: false,
        // The schedule's times are the original's promise, and so is that a webhook stays as it is.
        breaker: None,
        disable_after: None,
    }
}

/// 32 characters of `[A-Za-z0-9]`, each as likely as the others.
pub(super) fn secret(chance: &[u8; SECRET_BYTES]) -> String {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    // The greatest multiple of 62 in a byte; what is above it would favour the first letters.
    const FAIR: u8 = 248;
    const LENGTH: usize = 32;
    let mut text = String::with_capacity(LENGTH);
    let mut block = *chance;
    while text.len() < LENGTH {
        let bytes = block.iter().filter(|byte| **byte < FAIR);
        let letters = bytes.map(|byte| char::from(LETTERS[usize::from(byte % 62)]));
        text.extend(letters.take(LENGTH - text.len()));
        // More of the same chance, where some of it was left out.
        let next = digest::digest(&digest::SHA256, &block);
        block.copy_from_slice(next.as_ref());
    }
    text
}

/// `{"data":…,"eventType":…}`, with the data's bytes as they came in.
pub(super) fn body(event_type: &str, data: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(data.len() + event_type.len() + 32);
    body.extend_from_slice(b"{\"data\":");
    body.extend_from_slice(data);
    // An event type's characters need no escape in JSON.
    body.extend_from_slice(b",\"eventType\":\"");
    body.extend_from_slice(event_type.as_bytes());
    body.extend_from_slice(b"\"}");
    body
}

/// `t=…,v1=…`, one `v1` for each secret, in their order.
fn signature<'a>(secrets: impl Iterator<Item = &'a str>, now: Timestamp, body: &[u8]) -> String {
    let time = now.seconds().to_string();
    let mut text = format!("t={time}");
    for secret in secrets {
        text.push_str(",v1=");
        text.push_str(&hmac_sha256_hex(secret, &[time.as_bytes(), b".", body]));
    }
    text
}

impl Format for NursaFormat {
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

    fn prepare(&self, parcel: &Parcel, target: &Target, now: Timestamp) -> Prepared {
        let event = &parcel.event;
        let body = body(event.event_type.as_str(), &event.data);
        let mut headers = target.headers.clone();
        let secrets = target.endpoint.secrets.iter();
        let signing = secrets.filter(|secret| secret.signs_at(now));
        let signature = signature(signing.map(|secret| secret.text.as_str()), now, &body);
        if let Ok(value) = HeaderValue::try_from(signature) {
            headers.insert(SIGNATURE, value);
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

    const SECRETS: [&str; 2] = [
        "sDV1aKqitCLClI12m7UPFbAAvZfZquJw",
        "mryefgHPBVHJwux0o3BYW7hPM0BZlcCa",
    ];

    #[test]
    fn the_body_and_its_signatures_are_those_of_the_computed_vectors() {
        let body = body(
            "facility.creation.accepted",
            br#"{"facilityId":"NUR-000001"}"#,
        );
        assert_eq!(
            body,
            br#"{"data":{"facilityId":"NUR-000001"},"eventType":"facility.creation.accepted"}"#
        );
        let now = Timestamp::from_micros(1_700_000_000_999_999);
        let first = "v1=70bed7289c8cf10488dc7ca82a5be8852a04c4affc9664dff8a978eb8371d7bf";
        let second = "v1=fdd86d42f4cbd65e38a0d0076573367f38868c143cc530df3452c23e0acb3650";
        assert_eq!(
            signature(SECRETS.into_iter(), now, &body),
            format!("t=1700000000,{first},{second}")
        );
        assert_eq!(
            signature(SECRETS[1..].iter().copied(), now, &body),
            format!("t=1700000000,{second}")
        );
    }

    #[test]
    fn a_secret_has_32_letters_and_digits_also_from_chance_that_is_left_out() {
        for chance in [[0; 32], [61; 32], [248; 32], [255; 32]] {
            let text = secret(&chance);
            assert_eq!(text.len(), 32, "{text}");
            assert!(
                text.bytes().all(|byte| byte.is_ascii_alphanumeric()),
                "{text}"
            );
        }
        assert_ne!(secret(&[255; 32]), secret(&[254; 32]));
    }
}
