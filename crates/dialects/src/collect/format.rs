//! How Collect's deliveries look: the webhook's token in a header, as it is.
//!
//! The original's pages show no envelope; this one is ours.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use fanfare_app::directory::Target;
use fanfare_app::format::{Format, Parcel, Prepared};
use fanfare_domain::header::check_headers;
use fanfare_domain::policy::{DeliveryPolicy, PolicyPatch, Schedule};
use fanfare_domain::secret::{SECRET_BYTES, SecretKind};
use fanfare_domain::time::Timestamp;
use http::{HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::value::RawValue;

use super::date::DateForm;
use super::{CAMPAIGN, NAME, token};

/// The format, with the policy that holds for all its webhooks.
pub(super) struct CollectFormat {
    header: HeaderName,
    dates: DateForm,
    preset: DeliveryPolicy,
}

/// A delivery's body.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    r#type: &'a str,
    webhook_id: &'a str,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign_id: Option<&'a str>,
    data: &'a RawValue,
}

impl CollectFormat {
    /// # Errors
    /// When the name can't be that of a header.
    pub(super) fn new(header: &str, dates: DateForm, patch: &PolicyPatch) -> Result<Self, String> {
        let given = [(header.to_owned(), String::new())].into();
        if let Err(faults) = check_headers(&given) {
            let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
            return Err(format!("must name a header: {}", faults.join(", ")));
        }
        let header = HeaderName::from_bytes(header.as_bytes())
            .map_err(|_| "must name a header".to_owned())?;
        Ok(Self {
            header,
            dates,
            preset: preset().with(patch),
        })
    }

    fn body(&self, parcel: &Parcel, target: &Target) -> Option<Vec<u8>> {
        let event = &parcel.event;
        let external = target.endpoint.external.as_ref();
        // Of several, the one that the webhook is for.
        let given = event.attributes.get(CAMPAIGN).unwrap_or_default();
        let wanted = target.endpoint.attributes.get(CAMPAIGN).unwrap_or_default();
        let campaign = given.iter().find(|given| wanted.contains(given));
        let envelope = Envelope {
            r#type: event.event_type.as_str(),
            webhook_id: external.map_or("", |external| external.id.as_str()),
            created_at: self.dates.write(event.created_at),
            campaign_id: campaign.or(given.first()).map(String::as_str),
            data: serde_json::from_slice(&event.data).ok()?,
        };
        serde_json::to_vec(&envelope).ok()
    }
}

/// 24 hours of waits that double; what has not arrived then pauses the webhook.
fn preset() -> DeliveryPolicy {
    const HOUR: Duration = Duration::from_secs(3600);
    DeliveryPolicy {
        timeout: Duration::from_secs(10),
        schedule: Schedule::Doubling {
            first: Duration::from_secs(30),
            limit: 2 * HOUR,
        },
        jitter: 0.1,
        total_time: Some(24 * HOUR),
        // The original's pages give neither `Retry-After` nor 410 a meaning.
        retry_after_limit: None,
        retry_after_waits: None,
        overloaded_wait: Duration::ZERO,
        gone_disables: false,
        exhausted_disables: true,
        // The schedule's times are the original's promise, and the pause ends what fails.
        breaker: None,
        disable_after: None,
    }
}

impl Format for CollectFormat {
    fn dialect(&self) -> Option<&'static str> {
        Some(NAME)
    }

    fn preset(&self) -> &DeliveryPolicy {
        &self.preset
    }

    fn new_secret(&self, _: SecretKind, chance: &[u8; SECRET_BYTES]) -> String {
        URL_SAFE_NO_PAD.encode(chance)
    }

    fn check_secret(&self, text: &str) -> Result<(), String> {
        token::check(text)
    }

    fn rotation_overlap(&self) -> Option<Duration> {
        // The header has room for one token.
        Some(Duration::ZERO)
    }

    fn prepare(&self, parcel: &Parcel, target: &Target, now: Timestamp) -> Prepared {
        let mut headers = target.headers.clone();
        let mut secrets = target.endpoint.secrets.iter();
        if let Some(secret) = secrets.find(|secret| secret.signs_at(now))
            && let Ok(mut value) = HeaderValue::from_str(&secret.text)
        {
            value.set_sensitive(true);
            headers.insert(self.header.clone(), value);
        }
        // What is published was found to be JSON, so there is a body always.
        let body = self.body(parcel, target).unwrap_or_default();
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
    fn waits_double_up_to_two_hours_within_a_day() {
        let policy = preset();
        let wait = |number| policy.schedule.wait(number).unwrap().as_secs();
        assert_eq!(
            [1, 2, 3, 4, 9, 10, 40].map(wait),
            [0, 30, 60, 120, 3840, 7200, 7200]
        );
        assert_eq!(policy.total_time, Some(Duration::from_secs(86_400)));
        assert!(policy.exhausted_disables && !policy.gone_disables);
    }
}
