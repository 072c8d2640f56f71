//! KonPro's `OPTIONS` request, over the real network.

use std::time::{Duration, Instant};

use fanfare_dialects::DialectSettings;
use fanfare_testkit::receiver::{Answer, Receiver};
use serde_json::json;

use crate::real::Real;

const ADD: &str = "POST /v1/webhook/endpoint.add";
const UPDATE: &str = "PATCH /v1/webhook/endpoint.update";

/// The reason why a URL is refused; empty when it is taken.
async fn reason(world: &Real, url: &str) -> String {
    let reply = world.api.call(ADD, json!({"url": url}).to_string()).await;
    let json = reply.json();
    if reply.status == 200 {
        return String::new();
    }
    assert_eq!(
        (reply.status, &json["error"]["code"]),
        (400, &json!("VALIDATION_ERROR"))
    );
    assert_eq!(json["error"]["details"]["field"], "url");
    json["error"]["details"]["reason"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn the_whole_exchange_has_one_second() {
    let world = Real::new("konpro", &DialectSettings::default()).await;
    let slow = [
        ("/head", Answer::hang_before_head()),
        ("/body", Answer::hang_in_body()),
        ("/late", Answer::ok().after(Duration::from_millis(1_500))),
    ];
    for (path, answer) in slow {
        world.receiver.answer(path, answer);
        let began = Instant::now();
        let why = reason(&world, &world.receiver.url(path)).await;
        assert!(why.contains("within 1 second"), "{path}: {why}");
        let took = began.elapsed();
        assert!((1..5).contains(&took.as_secs()), "{path}: {took:?}");
    }
    world
        .receiver
        .answer("/soon", Answer::ok().after(Duration::from_millis(200)));
    assert_eq!(reason(&world, &world.receiver.url("/soon")).await, "");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let world = Real::new("konpro", &DialectSettings::default()).await;
    let elsewhere = Receiver::start_tls(&world.authority).await;
    let answer = Answer::status(307).location(&elsewhere.url("/"));
    world.receiver.answer("/moved", answer);
    let why = reason(&world, &world.receiver.url("/moved")).await;
    assert!(why.ends_with("answered 307"), "{why}");
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn what_cannot_be_connected_to_or_trusted_is_refused() {
    let world = Real::new("konpro", &DialectSettings::default()).await;
    let plain = Receiver::start().await;
    let expired = Receiver::builder()
        .tls(world.authority.certify(&["127.0.0.1"]).expired())
        .start()
        .await;
    let closed = Receiver::start_tls(&world.authority).await;
    let gone = closed.url("/");
    drop(closed);
    let no_tls = plain.url("/").replace("http:", "https:");
    for (url, kind) in [
        (no_tls, "tls"),
        (expired.url("/"), "tls"),
        (gone, "connection_refused"),
    ] {
        let why = reason(&world, &url).await;
        assert!(why.ends_with(kind), "{url}: {why}");
    }
    let reply = world.api.call("GET /v1/webhook/endpoint.list", "").await;
    assert_eq!(reply.text, r#"{"data":[]}"#);
}

#[tokio::test]
async fn an_address_that_deliveries_must_not_reach_is_not_asked_either() {
    let world = Real::new("konpro", &DialectSettings::default()).await;
    let why = reason(&world, "https://10.0.0.1/").await;
    assert!(why.contains("must not reach"), "{why}");
}

#[tokio::test]
async fn a_url_is_asked_again_only_when_it_changes() {
    let world = Real::new("konpro", &DialectSettings::default()).await;
    let (one, two) = (world.receiver.url("/one"), world.receiver.url("/two"));
    let added = world
        .api
        .well(200, ADD, &json!({"url": one}).to_string())
        .await;
    let id = &added["endpoint_id"];
    for body in [
        json!({"endpoint_id": id}),
        json!({"endpoint_id": id, "url": one, "events": ["a.b"]}),
        json!({"endpoint_id": id, "url": two}),
    ] {
        world.api.well(200, UPDATE, &body.to_string()).await;
    }
    // Neither is sent where anything else is wrong.
    let wrong = json!({"url": world.receiver.url("/three"), "events": [1]});
    world.api.well(400, ADD, &wrong.to_string()).await;
    let unknown = json!({"endpoint_id": "webhook_0", "url": world.receiver.url("/four")});
    world.api.well(404, UPDATE, &unknown.to_string()).await;
    let asked: Vec<_> = world
        .receiver
        .arrivals()
        .iter()
        .map(|each| format!("{} {}", each.method, each.path))
        .collect();
    assert_eq!(asked, ["OPTIONS /one", "OPTIONS /two"]);
}
