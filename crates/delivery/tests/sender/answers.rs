//! What comes back: whole answers, and those that are not.

use std::time::Duration;

use bytes::Bytes;
use fanfare_app::port::sender::{OutboundRequest, Sender};
use fanfare_domain::attempt::ErrorKind;
use fanfare_testkit::receiver::{Answer, Receiver};
use http::{HeaderMap, Method};

use crate::rig::{failure, post, send, send_within, sender, status};

#[tokio::test]
async fn a_request_arrives_as_it_was_given_and_its_answer_is_kept() {
    let receiver = Receiver::start().await;
    let answer = Answer::status(201).header("x-note", "taken").body("thanks");
    receiver.answer("/hook", answer);
    let exchange = send(&sender(|_| {}), &receiver.url("/hook?a=b")).await;

    assert_eq!(exchange.error, None);
    assert_eq!(exchange.address, Some(receiver.address()));
    let response = exchange.response.unwrap();
    assert_eq!((response.status, response.version), (201, "HTTP/1.1"));
    assert_eq!(response.headers["x-note"], "taken");
    assert_eq!(response.body, b"thanks");
    assert!(!response.truncated);
    let timings = exchange.timings;
    assert!(timings.lookup.is_none() && timings.tls.is_none());
    assert!(timings.connect.unwrap() <= timings.first_byte.unwrap());
    assert!(timings.first_byte.unwrap() <= timings.total);

    let arrivals = receiver.arrivals();
    assert_eq!(arrivals[0].method, "POST");
    assert_eq!(arrivals[0].path, "/hook?a=b");
    assert_eq!(arrivals[0].header("content-length"), Some("23"));
    assert_eq!(arrivals[0].header("content-type"), Some("application/json"));
    let host = receiver.address().to_string();
    assert_eq!(arrivals[0].header("host"), Some(host.as_str()));
    assert_eq!(&arrivals[0].body[..], br#"{"type":"invoice.paid"}"#);
}

#[tokio::test]
async fn a_request_by_another_method_carries_no_body_of_its_own() {
    let receiver = Receiver::start().await;
    let request = OutboundRequest {
        method: Method::OPTIONS,
        headers: HeaderMap::new(),
        body: Bytes::new(),
        ..post(&receiver.url("/hook"))
    };
    let exchange = sender(|_| {}).send(request).await;
    assert_eq!((status(&exchange), exchange.error), (200, None));
    let arrivals = receiver.arrivals();
    assert_eq!(arrivals[0].method, "OPTIONS");
    assert!(arrivals[0].body.is_empty());
}

#[tokio::test]
async fn an_answer_of_any_status_is_an_answer() {
    let receiver = Receiver::start().await;
    let sender = sender(|_| {});
    for code in [204, 400, 404, 410, 429, 500, 503, 599] {
        receiver.answer("/", Answer::status(code));
        let exchange = send(&sender, &receiver.url("/")).await;
        assert_eq!((status(&exchange), exchange.error), (code, None));
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let elsewhere = Receiver::start().await;
    let receiver = Receiver::start().await;
    for code in [301, 302, 303, 307, 308] {
        let answer = Answer::status(code).location(&elsewhere.url("/internal"));
        receiver.answer("/", answer);
        let exchange = send(&sender(|_| {}), &receiver.url("/")).await;
        assert_eq!((status(&exchange), exchange.error), (code, None));
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn a_receiver_that_never_answers_is_out_of_time() {
    let receiver = Receiver::start().await;
    receiver.answer("/", Answer::hang_before_head());
    let time = Duration::from_millis(200);
    let exchange = send_within(&sender(|_| {}), &receiver.url("/"), time).await;
    assert_eq!(
        failure(&exchange),
        (ErrorKind::Timeout, "no answer within 200ms")
    );
    assert_eq!(exchange.address, Some(receiver.address()));
    assert!(exchange.response.is_none() && exchange.timings.connect.is_some());
    assert!(exchange.timings.total >= time && exchange.timings.first_byte.is_none());
}
