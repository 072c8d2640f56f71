//! A sender for tests, and the requests that it is given.

use std::time::Duration;

use bytes::Bytes;
use fanfare_app::port::sender::{Exchange, OutboundRequest, Sender};
use fanfare_delivery::sender::{HttpSender, SenderOptions};
use fanfare_domain::address::AddressPolicy;
use fanfare_domain::attempt::ErrorKind;
use http::{HeaderMap, HeaderValue, Method, header};

/// Longer than anything here takes; what ends by its own limit ends long before.
pub(crate) const AMPLE: Duration = Duration::from_secs(20);

/// A sender that may reach 127.0.0.0/8 and nothing else that is special.
pub(crate) fn sender(change: impl FnOnce(&mut SenderOptions)) -> HttpSender {
    let mut options = SenderOptions {
        addresses: AddressPolicy::allowing(vec!["127.0.0.0/8".parse().unwrap()]),
        ..SenderOptions::default()
    };
    change(&mut options);
    HttpSender::new(options).unwrap()
}

pub(crate) fn post(url: &str) -> OutboundRequest {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    OutboundRequest {
        method: Method::POST,
        uri: url.parse().unwrap(),
        headers,
        body: Bytes::from_static(br#"{"type":"invoice.paid"}"#),
        timeout: AMPLE,
    }
}

/// Sends to this URL with ample time.
pub(crate) async fn send(sender: &HttpSender, url: &str) -> Exchange {
    sender.send(post(url)).await
}

/// Sends to this URL with this much time.
pub(crate) async fn send_within(sender: &HttpSender, url: &str, timeout: Duration) -> Exchange {
    let request = OutboundRequest {
        timeout,
        ..post(url)
    };
    sender.send(request).await
}

pub(crate) fn status(exchange: &Exchange) -> u16 {
    let response = exchange.response.as_ref();
    response
        .unwrap_or_else(|| panic!("no answer: {exchange:?}"))
        .status
}

/// The kind of error, and its words.
pub(crate) fn failure(exchange: &Exchange) -> (ErrorKind, &str) {
    let error = exchange.error.as_ref();
    let error = error.unwrap_or_else(|| panic!("no error: {exchange:?}"));
    (error.kind, &error.detail)
}
