//! Entries of the log: a delivery with what was sent and what was answered.

use std::collections::HashMap;
use std::sync::Arc;

use fanfare_app::port::log::Event;
use fanfare_app::{Fanfare, UseCaseError};
use fanfare_domain::attempt::Attempt;
use fanfare_domain::delivery::{Delivery, DeliveryState};
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::name::Scope;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::nursa::create::written;
use crate::nursa::failure::Failure;
use crate::nursa::format;
use crate::nursa::webhook::FACILITY;

/// The most attempts of a delivery that are shown: more than any schedule makes.
const MOST_ATTEMPTS: usize = 100;

/// A delivery: what its first attempt came to, and its retries.
#[derive(Serialize)]
pub(super) struct Entry {
    #[serde(flatten)]
    first: Sent,
    retries: Vec<Retry>,
    status: &'static str,
}

/// An attempt after the first.
#[derive(Serialize)]
struct Retry {
    #[serde(flatten)]
    sent: Sent,
    #[serde(rename = "retryAttempt")]
    retry_attempt: usize,
    status: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    id: String,
    facility_id: Option<String>,
    event_type: String,
    request_payload: Option<Arc<RawValue>>,
    response_status: Option<u16>,
    response_body: Option<String>,
    url: String,
}

/// The entries of these deliveries, in the same order.
pub(super) async fn entries(
    fanfare: &Fanfare,
    scope: &Scope,
    deliveries: Vec<Delivery>,
    endpoints: &[Endpoint],
) -> Result<Vec<Entry>, Failure> {
    let ids: Vec<_> = deliveries.iter().map(|delivery| delivery.event).collect();
    let events = fanfare.ports().log.events_by_id(scope, &ids).await;
    let events: HashMap<_, _> = events
        .map_err(UseCaseError::from)?
        .into_iter()
        .map(|event| (event.id, event))
        .collect();
    let mut entries = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        let before = delivery.id.attempt(0);
        let store = &fanfare.ports().deliveries;
        let attempts = store.attempts(scope, before, MOST_ATTEMPTS).await;
        let attempts = attempts.map_err(UseCaseError::from)?;
        let event = events.get(&delivery.event).map(AsRef::as_ref);
        let url = endpoints
            .iter()
            .find(|endpoint| endpoint.id == delivery.endpoint)
            .map_or("", |endpoint| endpoint.url.as_str());
        entries.push(Entry::of(&delivery, event, &attempts, url));
    }
    Ok(entries)
}

fn outcome(success: bool) -> &'static str {
    if success { "success" } else { "failure" }
}

impl Entry {
    /// `url` is shown where the attempts are not kept any more.
    fn of(delivery: &Delivery, event: Option<&Event>, attempts: &[Attempt], url: &str) -> Self {
        let event_type = delivery.event_type.as_str();
        let payload = event
            .filter(|event| !event.payload_gone())
            .and_then(|event| String::from_utf8(format::body(event_type, &event.data)).ok())
            .and_then(|text| RawValue::from_string(text).ok())
            .map(Arc::<RawValue>::from);
        let facilities = event.and_then(|event| event.attributes.get(FACILITY));
        let facility = facilities.and_then(<[String]>::first);
        let sent = |id: [u8; 16], attempt: Option<&Attempt>| Sent {
            id: written(id),
            facility_id: facility.cloned(),
            event_type: event_type.to_owned(),
            request_payload: payload.clone(),
            response_status: attempt.map_or(delivery.last_status, |attempt| attempt.status),
            response_body: attempt
                .filter(|attempt| attempt.status.is_some())
                .map(|attempt| String::from_utf8_lossy(&attempt.response_body).into_owned()),
            url: attempt
                .map_or(url, |attempt| attempt.url.as_str())
                .to_owned(),
        };
        let retry = |(number, attempt): (usize, &Attempt)| {
            let status = attempt.status.filter(|_| attempt.error.is_none());
            Retry {
                sent: sent(attempt.id.to_bytes(), Some(attempt)),
                retry_attempt: number,
                status: outcome(status.is_some_and(|status| (200..300).contains(&status))),
            }
        };
        Self {
            first: sent(delivery.id.to_bytes(), attempts.first()),
            retries: attempts.iter().enumerate().skip(1).map(retry).collect(),
            status: outcome(matches!(delivery.state, DeliveryState::Delivered { .. })),
        }
    }
}
