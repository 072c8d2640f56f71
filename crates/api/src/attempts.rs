//! Attempts as they are shown.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fanfare_domain::attempt::{Attempt, AttemptError, Headers, Timings, Trigger};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

use crate::time::Time;

/// One HTTP request of a delivery, with its outcome.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Attempt)]
pub(crate) struct AttemptView {
    /// Its id.
    #[schema(example = "att_01m5d3xq9sabcdefghjkmnpqrs")]
    id: String,
    /// The delivery that it belongs to; null for a test.
    #[schema(required, example = "dlv_01m5d3xq9sabcdefghjkmnpqrs")]
    delivery_id: Option<String>,
    /// Which attempt of its delivery it is, counted from 1.
    #[schema(example = 1)]
    number: u16,
    /// When it began.
    started_at: Time,
    /// Why it was made.
    trigger: TriggerView,
    /// The URL that was asked.
    #[schema(example = "https://example.com/webhooks")]
    url: String,
    /// The address and port that were connected to; null: none was.
    #[schema(required, example = "192.0.2.7:443")]
    address: Option<String>,
    /// The HTTP version of the answer.
    #[schema(required, example = "HTTP/1.1")]
    http_version: Option<String>,
    /// The status of the answer; null: none came.
    #[schema(required, example = 200)]
    status: Option<u16>,
    /// What went wrong; null: the whole answer came.
    #[schema(required)]
    error: Option<AttemptErrorView>,
    /// How long its parts took.
    timings: TimingsView,
    /// Headers that were sent; `(hidden)` stands for values that may be secrets.
    request_headers: Vec<HeaderView>,
    /// Headers of the answer.
    response_headers: Vec<HeaderView>,
    /// The start of the answer's body, at most 4 KiB.
    #[schema(example = "ok")]
    response_body: String,
    /// How `response_body` is to be read.
    response_body_encoding: BodyEncoding,
    /// Whether the answer's body went on after what was kept.
    response_truncated: bool,
}

/// Why an attempt was made: by the delivery's schedule, or because somebody asked for it.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AttemptTrigger)]
pub(crate) enum TriggerView {
    /// By the schedule.
    Scheduled,
    /// Somebody asked for it.
    Manual,
}

/// How an answer's body is shown: as the text that it is, or in base64 where it is no text.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BodyEncoding {
    /// As it is.
    Text,
    /// In base64.
    Base64,
}

/// What went wrong when there was no whole answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AttemptError)]
pub(crate) struct AttemptErrorView {
    /// The kind: `name_not_found`, `name_lookup`, `address_refused`, `connection_refused`, `connect`,
    /// `connect_timeout`, `tls`, `timeout`, `connection_closed`, `protocol` or `request`. Others may be
    /// added.
    #[schema(example = "connection_refused")]
    kind: String,
    /// What people should know.
    detail: String,
}

/// How long the parts of an attempt took, in milliseconds; null for a part that was not reached or not
/// needed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AttemptTimings)]
pub(crate) struct TimingsView {
    /// Looking the name up.
    #[schema(required, example = 0.412)]
    lookup: Option<f64>,
    /// Connecting.
    #[schema(required, example = 11.032)]
    connect: Option<f64>,
    /// The TLS handshake.
    #[schema(required, example = 24.87)]
    tls: Option<f64>,
    /// From the start to the answer's head.
    #[schema(required, example = 51.6)]
    first_byte: Option<f64>,
    /// From the start to the end.
    #[schema(example = 51.9)]
    total: f64,
}

/// A header.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Header)]
pub(crate) struct HeaderView {
    /// Its name, in lower case.
    #[schema(example = "content-type")]
    name: String,
    /// Its value.
    #[schema(example = "application/json")]
    value: String,
}

fn headers(list: &Headers) -> Vec<HeaderView> {
    let view = |(name, value): (&str, &str)| HeaderView {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    list.iter().map(view).collect()
}

fn milliseconds(span: Duration) -> f64 {
    // Whole microseconds, so that the text has at most three places.
    (span.as_micros() as f64) / 1_000.0
}

impl From<Timings> for TimingsView {
    fn from(timings: Timings) -> Self {
        Self {
            lookup: timings.lookup.map(milliseconds),
            connect: timings.connect.map(milliseconds),
            tls: timings.tls.map(milliseconds),
            first_byte: timings.first_byte.map(milliseconds),
            total: milliseconds(timings.total),
        }
    }
}

impl From<AttemptError> for AttemptErrorView {
    fn from(error: AttemptError) -> Self {
        Self {
            kind: error.kind.as_str().to_owned(),
            detail: error.detail,
        }
    }
}

fn body_text(mut bytes: Vec<u8>, truncated: bool) -> (String, BodyEncoding) {
    if let Err(cause) = std::str::from_utf8(&bytes)
        && truncated
        && cause.error_len().is_none()
    {
        // The bound cut a character in two.
        bytes.truncate(cause.valid_up_to());
    }
    match String::from_utf8(bytes) {
        Ok(text) => (text, BodyEncoding::Text),
        Err(cause) => (STANDARD.encode(cause.as_bytes()), BodyEncoding::Base64),
    }
}

impl AttemptView {
    /// A delivery's attempt.
    pub(crate) fn of_delivery(attempt: Attempt) -> Self {
        let delivery_id = Some(attempt.id.delivery().to_string());
        Self {
            delivery_id,
            ..Self::of_test(attempt)
        }
    }

    /// The attempt of a test, which no delivery stands behind.
    pub(crate) fn of_test(attempt: Attempt) -> Self {
        let (response_body, response_body_encoding) =
            body_text(attempt.response_body, attempt.response_truncated);
        Self {
            id: attempt.id.to_string(),
            delivery_id: None,
            number: attempt.id.number(),
            started_at: attempt.started_at.into(),
            trigger: match attempt.trigger {
                Trigger::Scheduled => TriggerView::Scheduled,
                Trigger::Manual => TriggerView::Manual,
            },
            url: attempt.url,
            address: attempt.address.map(|address| address.to_string()),
            http_version: attempt.http_version,
            status: attempt.status,
            error: attempt.error.map(AttemptErrorView::from),
            timings: attempt.timings.into(),
            request_headers: headers(&attempt.request_headers),
            response_headers: headers(&attempt.response_headers),
            response_body,
            response_body_encoding,
            response_truncated: attempt.response_truncated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_cut_by_the_bound_leaves_the_rest_a_text() {
        let (text, encoding) = body_text("abcé".as_bytes()[..4].to_vec(), true);
        assert!(matches!(encoding, BodyEncoding::Text));
        assert_eq!(text, "abc");
        let (text, encoding) = body_text(vec![0xff, 0x00], true);
        assert!(matches!(encoding, BodyEncoding::Base64));
        assert_eq!(text, "/wA=");
    }

    #[test]
    fn durations_have_three_places() {
        assert_eq!(
            milliseconds(Duration::from_nanos(1_234_567)).to_string(),
            "1.234"
        );
    }
}
