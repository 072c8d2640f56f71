//! FullStory when the store does not answer, or holds what nobody can read: 500 on reads and changes.

use fanfare_testkit::memory_store::{Call, Moment};
use serde_json::json;

use crate::call::Reply;
use crate::trouble::spoil;
use crate::virtual_time::Virtual;

const CREATE: &str = "POST /webhooks/v1/endpoints";
const LIST: &str = "GET /webhooks/v1/endpoints";
const ID: &str = "aHR0cHM6Ly9hLmV4YW1wbGUv";

/// A world with one endpoint, and the operations that need the store.
async fn furnished() -> (Virtual, Vec<(String, &'static str)>) {
    let world = Virtual::new("fullstory").await;
    let made = json!({"url": "https://a.example/"}).to_string();
    assert_eq!(world.api.well(200, CREATE, &made).await["id"], ID);
    let one = |method: &str| format!("{method} /webhooks/v1/endpoints/{ID}");
    let operations = vec![
        (LIST.to_owned(), ""),
        (one("GET"), ""),
        (one("POST"), r#"{"disabled":true}"#),
        (one("DELETE"), ""),
    ];
    (world, operations)
}

#[track_caller]
fn assert_500(reply: &Reply) {
    assert_eq!(reply.status, 500, "{reply:?}");
    assert_eq!(reply.headers["content-type"], "application/json");
    assert_eq!(
        reply.text,
        r#"{"message":"Server error was encountered","code":"server_error"}"#
    );
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_a_server_error() {
    let (world, mut operations) = furnished().await;
    operations.push((CREATE.to_owned(), r#"{"url":"https://b.example/"}"#));
    let before = world.api.call(LIST, "").await.text;
    let faults = world.ground.store.faults();
    for call in [Call::ReadConfiguration, Call::Apply] {
        faults.fail(call, usize::MAX, Moment::Before);
    }
    for (line, body) in &operations {
        assert_500(&world.api.call(line, *body).await);
    }
    // Reads that work, and changes that do not.
    faults.heal();
    faults.fail(Call::Apply, usize::MAX, Moment::Before);
    for (line, body) in &operations {
        let reply = world.api.call(line, *body).await;
        if line.starts_with("GET") {
            assert_eq!(reply.status, 200);
        } else {
            assert_500(&reply);
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
        assert_500(&world.api.call(line, *body).await);
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_with_as_many_endpoints_as_there_can_be_is_told_so() {
    let world = Virtual::new("fullstory").await;
    let most = world.fanfare.limits().endpoints_per_tenant;
    let create = |n: usize| json!({"url": format!("https://a.example/{n}")}).to_string();
    for n in 0..most {
        world.api.well(200, CREATE, &create(n)).await;
    }
    let refused = world.api.well(400, CREATE, &create(most)).await;
    assert_eq!(refused["code"], "limit_exceeded");
    // The list gives them all, page by page, each once.
    let (mut seen, mut query) = (Vec::new(), String::new());
    loop {
        let page = world.api.well(200, &format!("{LIST}{query}"), "").await;
        let endpoints = page["endpoints"].as_array().unwrap();
        assert!(endpoints.len() <= 100);
        seen.extend(endpoints.iter().map(|each| each["url"].to_string()));
        match page["nextPaginationToken"].as_str() {
            Some(token) => query = format!("?paginationToken={token}"),
            None => break,
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), most);
}
