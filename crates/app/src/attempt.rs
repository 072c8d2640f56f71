//! Making an attempt's record out of what was sent and what came back.

use fanfare_domain::attempt::{Attempt, Headers, Trigger};
use fanfare_domain::header::is_secret_header;
use fanfare_domain::id::AttemptId;
use fanfare_domain::time::Timestamp;
use http::HeaderMap;

use crate::directory::Target;
use crate::port::sender::Exchange;

/// What is known when an attempt begins.
#[derive(Debug)]
pub struct AttemptStart {
    /// Its id.
    pub id: AttemptId,
    /// When it began.
    pub at: Timestamp,
    /// Why it was made.
    pub trigger: Trigger,
    /// The headers that are sent, by [`sent`].
    pub headers: Headers,
}

/// The record of an attempt: secrets masked, sizes as the sender bounded them.
#[must_use]
pub fn record(start: AttemptStart, target: &Target, exchange: Exchange) -> Attempt {
    let (mut status, mut version, mut headers, mut body, mut truncated) =
        (None, None, Headers::default(), Vec::new(), false);
    if let Some(response) = exchange.response {
        status = Some(response.status);
        version = Some(response.version.to_owned());
        headers = listed(&response.headers, |name| name == "set-cookie");
        body = response.body;
        truncated = response.truncated;
    }
    Attempt {
        id: start.id,
        started_at: start.at,
        trigger: start.trigger,
        url: target.endpoint.url.clone(),
        address: exchange.address,
        http_version: version,
        timings: exchange.timings,
        status,
        error: exchange.error,
        request_headers: start.headers,
        response_headers: headers,
        response_body: body,
        response_truncated: truncated,
    }
}

/// The headers of a request, secrets masked.
#[must_use]
pub fn sent(headers: &HeaderMap) -> Headers {
    // A signature proves nothing without its secret, and is what one looks for in a log.
    listed(headers, |name| {
        name != "webhook-signature" && is_secret_header(name)
    })
}

fn listed(headers: &HeaderMap, secret: impl Fn(&str) -> bool) -> Headers {
    let bytes = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len());
    let mut list = Headers::with_capacity(headers.len(), bytes.sum());
    for (name, value) in headers {
        let name = name.as_str();
        // A format says so of a value that is a secret under whatever name.
        if value.is_sensitive() || secret(name) {
            list.push(name, "(hidden)");
        } else {
            list.push(name, &String::from_utf8_lossy(value.as_bytes()));
        }
    }
    list
}
