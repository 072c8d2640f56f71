//! Collect when the store does not answer (503), or holds what nobody can read (500).

use fanfare_testkit::memory_store::{Call, Moment};
use serde_json::json;

use crate::call::Reply;
use crate::trouble::spoil;
use crate::virtual_time::Virtual;

const ADD: &str = "POST /v1/webhooks";
const LIST: &str = "GET /v1/webhooks";
const UNAVAILABLE: &str = r#"{"error":"Service Unavailable","message":"We're temporarily offline for maintenance. Please try again later."}"#;
const INTERNAL: &str = r#"{"error":"Internal Server Error","message":"We had a problem with our server. Try again later."}"#;

/// A world with one webhook, and the operations on it.
async fn furnished() -> (Virtual, Vec<(String, &'static str)>) {
    let world = Virtual::new("collect").await;
    let made = json!({"targetUrl": "https://a.example/"}).to_string();
    let made = world.api.well(200, ADD, &made).await;
    let id = made["_id"].as_str().unwrap().to_owned();
    let one = |method: &str| format!("{method} /v1/webhooks/{id}");
    let operations = vec![
        (LIST.to_owned(), ""),
        (one("GET"), ""),
        (one("POST"), r#"{"status":"paused"}"#),
        (one("DELETE"), ""),
    ];
    (world, operations)
}

#[track_caller]
fn assert_told(reply: &Reply, status: u16, body: &str) {
    assert_eq!((reply.status, reply.text.as_str()), (status, body));
    assert_eq!(reply.headers["content-type"], "application/json");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_an_unavailable_service() {
    let (world, mut operations) = furnished().await;
    operations.push((ADD.to_owned(), r#"{"targetUrl":"https://b.example/"}"#));
    let before = world.api.call(LIST, "").await.text;
    let faults = world.ground.store.faults();
    for call in [Call::ReadConfiguration, Call::Apply] {
        faults.fail(call, usize::MAX, Moment::Before);
    }
    for (line, body) in &operations {
        assert_told(&world.api.call(line, *body).await, 503, UNAVAILABLE);
    }
    // Reads that work, and changes that do not.
    faults.heal();
    faults.fail(Call::Apply, usize::MAX, Moment::Before);
    for (line, body) in &operations {
        let reply = world.api.call(line, *body).await;
        if line.starts_with("GET") {
            assert_eq!(reply.status, 200);
        } else {
            assert_told(&reply, 503, UNAVAILABLE);
        }
    }
    faults.heal();
    assert_eq!(world.api.call(LIST, "").await.text, before);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_read_is_a_server_error() {
    let (world, operations) = furnished().await;
    spoil(&world).await;
    for (line, body) in &operations {
        assert_told(&world.api.call(line, *body).await, 500, INTERNAL);
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_with_as_many_webhooks_as_there_can_be_is_told_so() {
    let world = Virtual::new("collect").await;
    let most = world.fanfare.limits().endpoints_per_tenant;
    let body = json!({"targetUrl": "https://a.example/"}).to_string();
    for _ in 0..most {
        world.api.well(200, ADD, &body).await;
    }
    let refused = world.api.well(400, ADD, &body).await;
    assert_eq!(refused["error"], "Bad Request");
    let page = world.api.well(200, &format!("{LIST}?limit=500"), "").await;
    assert_eq!(page.as_array().unwrap().len(), 100);
}
