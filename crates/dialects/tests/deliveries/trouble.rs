//! What a client can't cause: a store that does not answer, or holds what nobody can read.

use std::time::Duration;

use fanfare_app::UseCaseError;
use fanfare_app::endpoints::EndpointDraft;
use fanfare_app::port::Configuration;
use fanfare_app::port::configuration::{Change, DocumentQuery, Kind};
use fanfare_domain::batch::Batching;
use fanfare_testkit::builders::acme;
use fanfare_testkit::memory_store::{Call, Moment};
use serde_json::{Value, json};

use crate::virtual_time::{Virtual, without_jitter};

const KONPRO: [(&str, &str); 4] = [
    (
        "POST /v1/webhook/endpoint.add",
        r#"{"url":"https://a.example/"}"#,
    ),
    ("GET /v1/webhook/endpoint.list", ""),
    (
        "PATCH /v1/webhook/endpoint.update",
        r#"{"endpoint_id":"ID","events":["a.b"]}"#,
    ),
    ("DELETE /v1/webhook/endpoint.delete?endpoint_id=ID", ""),
];
const NURSA: [(&str, &str); 5] = [
    (
        "POST /api/v2/public/webhooks/user",
        r#"{"url":"https://a.example/","events":["all"]}"#,
    ),
    ("GET /api/v2/public/webhooks/user", ""),
    (
        "PATCH /api/v2/public/webhooks/user/ID",
        r#"{"events":["all"]}"#,
    ),
    ("DELETE /api/v2/public/webhooks/user/ID", ""),
    ("GET /api/v2/public/webhooks/logs", ""),
];

/// A world with one endpoint, and the operations on it.
async fn furnished(name: &str) -> (Virtual, Vec<(String, String)>) {
    let world = Virtual::new(name).await;
    let operations: &[(&str, &str)] = if name == "konpro" { &KONPRO } else { &NURSA };
    let reply = world.api.call(operations[0].0, operations[0].1).await;
    let made = reply.json();
    let id = made["endpoint_id"]
        .as_str()
        .or(made["data"]["id"].as_str())
        .unwrap();
    let named = |text: &&str| text.replace("ID", id);
    let operations = operations
        .iter()
        .map(|(line, body)| (named(line), named(body)));
    let operations = operations.collect();
    (world, operations)
}

#[track_caller]
fn assert_konpro(reply: &crate::call::Reply, status: u16, code: &str) {
    assert_eq!(reply.status, status, "{reply:?}");
    let json = reply.json();
    assert_eq!(json["error"]["code"], code);
    assert!(json["error"].get("details").is_none());
    assert_eq!(
        json["request_id"],
        reply.headers["x-request-id"].to_str().unwrap()
    );
}

const NURSA_503: &str = r#"{"message":"Service Unavailable","statusCode":503}"#;
const NURSA_500: &str = r#"{"message":"Internal server error","statusCode":500}"#;

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_told_as_503_on_reads_and_changes() {
    for name in ["konpro", "nursa"] {
        let (world, operations) = furnished(name).await;
        let calls = [Call::ReadConfiguration, Call::Apply];
        for call in calls {
            world
                .ground
                .store
                .faults()
                .fail(call, usize::MAX, Moment::Before);
        }
        for (line, body) in &operations {
            let reply = world.api.call(line, body.clone()).await;
            if name == "konpro" {
                assert_konpro(&reply, 503, "SERVICE_UNAVAILABLE");
            } else {
                assert_eq!(
                    (reply.status, reply.text.as_str()),
                    (503, NURSA_503),
                    "{line}"
                );
            }
        }
        // Reads that work, and changes that do not.
        world.ground.store.faults().heal();
        world
            .ground
            .store
            .faults()
            .fail(Call::Apply, usize::MAX, Moment::Before);
        for (line, body) in &operations {
            let reply = world.api.call(line, body.clone()).await;
            let expected = if !line.starts_with("GET") {
                503
            } else if name == "konpro" {
                200
            } else {
                201
            };
            assert_eq!(reply.status, expected, "{line}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_log_of_a_store_that_is_away_is_503_too() {
    let (world, operations) = furnished("nursa").await;
    let body = r#"{"url":"https://a.example/","events":["all"]}"#;
    world
        .api
        .well(201, "POST /api/v2/public/webhooks/facility", body)
        .await;
    world
        .ground
        .store
        .faults()
        .fail(Call::ReadDeliveries, usize::MAX, Moment::Before);
    let reply = world.api.call(&operations[4].0, "").await;
    assert_eq!((reply.status, reply.text.as_str()), (503, NURSA_503));
}

/// Puts something in the place of each endpoint that nobody can read.
pub(crate) async fn spoil(world: &Virtual) {
    let store = &world.ground.store;
    let query = DocumentQuery {
        kind: Kind::Endpoint,
        environment: "default".to_owned(),
        tenant: Some("acme".to_owned()),
        before: None,
        limit: 10,
    };
    for document in store.list(&query).await.unwrap() {
        let change = Change::Replace {
            key: document.key,
            expected: document.revision,
            body: "{}".to_owned(),
        };
        store.apply(vec![change]).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_read_is_told_as_500_on_reads_and_changes() {
    for name in ["konpro", "nursa"] {
        let (world, operations) = furnished(name).await;
        spoil(&world).await;
        for (line, body) in operations.iter().skip(1) {
            let reply = world.api.call(line, body.clone()).await;
            if name == "konpro" {
                assert_konpro(&reply, 500, "PROCESSING_ERROR");
            } else {
                assert_eq!(
                    (reply.status, reply.text.as_str()),
                    (500, NURSA_500),
                    "{line}"
                );
            }
            assert!(!reply.text.contains("endpoint/"), "{reply:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_limit_counts_for_each_key_and_comes_back() {
    for (name, line, good) in [
        ("konpro", "GET /v1/webhook/endpoint.list", 200),
        ("nursa", "GET /api/v2/public/webhooks/user", 201),
    ] {
        let world = Virtual::with(name, &without_jitter(), Some(3)).await;
        let other = crate::call::Api::key(&world.fanfare).await;
        for _ in 0..3 {
            assert_eq!(world.api.call(line, "").await.status, good);
        }
        let refused = world.api.call(line, "").await;
        assert_eq!(refused.status, 429);
        assert!(!refused.headers.contains_key("retry-after"));
        assert_eq!(world.api.call_as(&other, line, "").await.status, good);
        crate::virtual_time::pass(Duration::from_secs(21)).await;
        assert_eq!(world.api.call(line, "").await.status, good);
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_tenant_is_told_so_before_a_url_is_asked() {
    let world = Virtual::new("konpro").await;
    let (line, _) = KONPRO[0];
    let add = |n: usize| json!({"url": format!("https://a.example/{n}")}).to_string();
    let most = world.fanfare.limits().endpoints_per_tenant;
    for n in 0..most {
        world.api.well(200, line, &add(n)).await;
    }
    let asked = world.ground.sender.count();
    let refused: Value = world.api.well(400, line, &add(most)).await;
    assert_eq!(refused["error"]["code"], "VALIDATION_ERROR");
    assert_eq!(world.ground.sender.count(), asked);
}

#[tokio::test(start_paused = true)]
async fn a_dialects_endpoint_has_no_batches() {
    let world = Virtual::new("nursa").await;
    let (line, body) = NURSA[0];
    world.api.call(line, body).await;
    let endpoint = world.endpoint().await;
    let draft = EndpointDraft {
        url: Some(endpoint.url.clone()),
        batch: Some(Batching::new(10, Duration::from_secs(1))),
        ..EndpointDraft::default()
    };
    let id = endpoint.id.to_string();
    let (fanfare, scope) = (&world.fanfare, acme());
    let refused = fanfare.replace_endpoint(&scope, &id, draft.clone(), Vec::new());
    let Err(UseCaseError::Invalid(faults)) = refused.await else {
        panic!("it was taken");
    };
    assert_eq!(faults[0].pointer, "#/batch");
    assert!(faults[0].detail.contains("nursa"), "{}", faults[0].detail);
    let draft = EndpointDraft {
        batch: None,
        ..draft
    };
    let taken = fanfare.replace_endpoint(&scope, &id, draft, Vec::new());
    taken.await.unwrap();
}
