//! How deliveries look: the payload itself, signed as Standard Webhooks are.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fanfare_app::directory::Target;
use fanfare_app::format::{Format, Parcel, Prepared};
use fanfare_app::notices::Announcer;
use fanfare_domain::policy::{DeliveryPolicy, PolicyPatch, Schedule};
use fanfare_domain::secret::{SECRET_BYTES, SecretKind};
use fanfare_domain::time::Timestamp;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::announcer::SvixAnnouncer;
use super::settings::Settings;
use super::{NAME, ids, message};

/// Names of the headers of a delivery: id, timestamp, signature.
const SVIX: [HeaderName; 3] = [
    HeaderName::from_static("svix-id"),
    HeaderName::from_static("svix-timestamp"),
    HeaderName::from_static("svix-signature"),
];
const WEBHOOK: [HeaderName; 3] = [
    HeaderName::from_static("webhook-id"),
    HeaderName::from_static("webhook-timestamp"),
    HeaderName::from_static("webhook-signature"),
];

/// The format, with the policy that holds for all its endpoints.
pub(super) struct SvixFormat {
    preset: DeliveryPolicy,
    names: [HeaderName; 3],
    user_agent: Option<HeaderValue>,
}

impl SvixFormat {
    pub(super) fn new(settings: &Settings, patch: &PolicyPatch) -> Self {
        let user_agent = settings.user_agent.as_ref();
        Self {
            preset: preset().with(patch),
            names: if settings.webhook_headers {
                WEBHOOK
            } else {
                SVIX
            },
            user_agent: user_agent.and_then(|text| HeaderValue::from_str(text).ok()),
        }
    }
}

/// Eight attempts over some 28 hours. Waits are stretched by up to a fifth, never shortened.
fn preset() -> DeliveryPolicy {
    let waits = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 36_000];
    DeliveryPolicy {
        timeout: Duration::from_secs(30),
        schedule: Schedule::Waits(waits.into_iter().map(Duration::from_secs).collect()),
        jitter: 0.2,
        total_time: None,
        retry_after_limit: Some(Duration::from_secs(24 * 3_600)),
        retry_after_waits: Some(2.0),
        overloaded_wait: Duration::from_secs(60),
        gone_disables: false,
        exhausted_disables: false,
        // The schedule's times are the original's promise.
        breaker: None,
        disable_after: Some(Duration::from_secs(120 * 3_600)),
    }
}

/// Credentials that stand in a URL, as `Authorization` carries them.
fn credentials(url: &str) -> Option<HeaderValue> {
    let url = url::Url::parse(url).ok()?;
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let pair = format!(
        "{}:{}",
        unescaped(url.username()),
        unescaped(url.password().unwrap_or_default())
    );
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn unescaped(text: &str) -> String {
    // A plus sign is one in this part of a URL.
    let text = text.replace('+', "%2B");
    let mut pairs = url::form_urlencoded::parse(text.as_bytes());
    pairs
        .next()
        .map(|(text, _)| text.into_owned())
        .unwrap_or_default()
}

impl Format for SvixFormat {
    fn dialect(&self) -> Option<&'static str> {
        Some(NAME)
    }

    fn preset(&self) -> &DeliveryPolicy {
        &self.preset
    }

    fn new_secret(&self, kind: SecretKind, chance: &[u8; SECRET_BYTES]) -> String {
        match kind {
            SecretKind::Hmac => format!("whsec_{}", STANDARD.encode(&chance[..24])),
            SecretKind::Ed25519 => kind.generate(chance),
        }
    }

    fn announcer(&self) -> Option<&dyn Announcer> {
        Some(&SvixAnnouncer)
    }

    fn prepare(&self, parcel: &Parcel, target: &Target, now: Timestamp) -> Prepared {
        let event = &parcel.event;
        let id = ids::shown(ids::MESSAGE, event.id.bits());
        let body = message::payload::sent(event);
        let timestamp = now.seconds().to_string();
        let signature = target.signer.sign(now, &id, &timestamp, &body);
        let mut headers = HeaderMap::with_capacity(target.headers.len() + 5);
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        headers.extend(target.headers.clone());
        let texts = [Some(id), Some(timestamp), signature];
        for (name, text) in self.names.iter().zip(texts) {
            if let Some(value) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
                headers.insert(name, value);
            }
        }
        if let Some(agent) = &self.user_agent {
            headers.insert(USER_AGENT, agent.clone());
        }
        if let Some(kind) = message::payload::content_type(event) {
            headers.insert(CONTENT_TYPE, kind);
        }
        if target.endpoint.url.contains('@')
            && !headers.contains_key(AUTHORIZATION)
            && let Some(value) = credentials(&target.endpoint.url)
        {
            headers.insert(AUTHORIZATION, value);
        }
        Prepared { headers, body }
    }
}

#[cfg(test)]
mod tests {
    use fanfare_domain::secret::Secret;
    use fanfare_domain::signature::Signer;

    use super::*;

    #[test]
    fn the_signature_is_that_of_the_vector_that_was_seen() {
        let secret = Secret {
            text: "whsec_ZmFuZmFyZS1kZW1vLXNlY3JldC0wMDAwMDE=".to_owned(),
            created_at: Timestamp::default(),
            expires_at: None,
        };
        let signature = Signer::new(&[secret]).sign(
            Timestamp::from_seconds(1_795_234_288),
            "msg_3MOvAzY4G1ERmPlg2JsJJ8FTfDp",
            "1795234288",
            br#"{"amount": 5,"ok":true}"#,
        );
        assert_eq!(
            signature.unwrap(),
            "v1,ignZpxCNwwGM58uBzxhjHWpulh9J1hzdbIrFYUruTgw="
        );
    }

    #[test]
    fn credentials_of_a_url_become_a_header_that_stays_out_of_the_log() {
        let value = credentials("https://us%40er:p+w@example.com/").unwrap();
        assert_eq!(value, format!("Basic {}", STANDARD.encode("us@er:p+w")));
        assert!(value.is_sensitive());
        assert!(credentials("https://example.com/@x").is_none());
    }
}
