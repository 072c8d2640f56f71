//! Deliveries, attempts, statistics, tests and retries.

use fanfare_app::port::deliveries::Settlement;
use fanfare_domain::attempt::{Attempt, AttemptError, ErrorKind, Headers, Timings, Trigger};
use fanfare_domain::delivery::DeliveryState;
use fanfare_domain::id::DeliveryId;
use fanfare_domain::name::{EnvironmentId, Scope, TenantId};
use serde_json::json;

use crate::world::World;

const TENANT: &str = "/v1/tenants/acme";

/// Publishes an event; answers the id of its only delivery.
async fn delivery(world: &World) -> String {
    let event = json!({"type": "invoice.paid", "data": 1});
    let made = world.post(&format!("{TENANT}/events"), event).await.ok(202);
    let path = format!(
        "{TENANT}/events/{}/deliveries",
        made["id"].as_str().unwrap()
    );
    let list = world.get(&path).await.ok(200);
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    list["data"][0]["id"].as_str().unwrap().to_owned()
}

/// Lets a delivery arrive, by one attempt, as the engine would.
async fn arrive(world: &World, id: &str) {
    let at = world.fanfare.ports().clock.now();
    attempted(world, id, 1, DeliveryState::Delivered { at }).await;
}

/// Records an attempt of this number, after which the delivery stands so.
async fn attempted(world: &World, id: &str, number: u16, state: DeliveryState) {
    let scope = Scope {
        environment: EnvironmentId::default_environment(),
        tenant: TenantId::parse("acme").unwrap(),
    };
    let mut delivery = world.fanfare.delivery(&scope, id).await.unwrap();
    let now = world.fanfare.ports().clock.now();
    delivery.state = state;
    delivery.attempts = number;
    delivery.last_status = Some(200);
    let attempt = Attempt {
        id: DeliveryId::parse(id).unwrap().attempt(number),
        started_at: now,
        trigger: Trigger::Scheduled,
        url: "https://example.com/hook".to_owned(),
        address: "192.0.2.7:443".parse().ok(),
        http_version: Some("HTTP/2".to_owned()),
        timings: Timings {
            total: std::time::Duration::from_micros(1_250),
            ..Timings::default()
        },
        status: Some(200),
        error: Some(AttemptError {
            kind: ErrorKind::Protocol,
            detail: "a trailer was wrong".to_owned(),
        }),
        request_headers: [("webhook-id", "evt")].into_iter().collect(),
        response_headers: Headers::default(),
        response_body: b"ok".to_vec(),
        response_truncated: false,
    };
    let settlement = Settlement {
        delivery,
        attempt: Some(Box::new(attempt)),
    };
    let deliveries = &world.fanfare.ports().deliveries;
    deliveries
        .settle(vec![settlement].into(), None)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_delivery_is_seen_on_its_way_and_at_its_end() {
    let world = World::furnished().await;
    let id = delivery(&world).await;
    let path = format!("{TENANT}/deliveries/{id}");
    let seen = world.get(&path).await.ok(200);
    assert_eq!(seen["state"], "waiting");
    assert!(seen["ended_at"].is_null() && seen["next_attempt_at"].is_string());
    let attempts = world.get(&format!("{path}/attempts")).await.ok(200);
    assert_eq!(attempts, json!({"data": [], "next_cursor": null}));
    arrive(&world, &id).await;
    let seen = world.get(&path).await.ok(200);
    assert_eq!(seen["state"], "delivered");
    assert!(seen["ended_at"].is_string() && seen["next_attempt_at"].is_null());
    let attempts = world.get(&format!("{path}/attempts")).await.ok(200);
    let attempt = &attempts["data"][0];
    assert_eq!(attempt["delivery_id"], id);
    assert_eq!(attempt["number"], 1);
    assert_eq!(attempt["timings"]["total"], 1.25);
    assert_eq!(attempt["error"]["kind"], "protocol");
    assert_eq!(attempt["response_body"], "ok");
    for (query, count) in [
        ("state=delivered", 1),
        ("state=waiting", 0),
        ("event_type=invoice.paid&state=delivered", 1),
        ("event_type=other", 0),
    ] {
        let list = world
            .get(&format!("{TENANT}/deliveries?{query}"))
            .await
            .ok(200);
        assert_eq!(list["data"].as_array().unwrap().len(), count, "{query}");
        let endpoint = format!(
            "{TENANT}/endpoints/{}",
            seen["endpoint_id"].as_str().unwrap()
        );
        let list = world
            .get(&format!("{endpoint}/deliveries?{query}"))
            .await
            .ok(200);
        assert_eq!(list["data"].as_array().unwrap().len(), count, "{query}");
    }
}

#[tokio::test]
async fn attempts_are_listed_oldest_first_page_by_page() {
    let world = World::furnished().await;
    let id = delivery(&world).await;
    let due_at = world.fanfare.ports().clock.now();
    for number in 1..=5 {
        attempted(&world, &id, number, DeliveryState::Waiting { due_at }).await;
    }
    let path = format!("{TENANT}/deliveries/{id}/attempts?limit=2");
    let mut pages = Vec::new();
    let mut next = path.clone();
    loop {
        let page = world.get(&next).await.ok(200);
        let attempts = page["data"].as_array().unwrap().iter();
        let numbers: Vec<_> = attempts
            .map(|one| one["number"].as_u64().unwrap())
            .collect();
        pages.push(numbers);
        match page["next_cursor"].as_str() {
            Some(cursor) => next = format!("{path}&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(pages, [vec![1, 2], vec![3, 4], vec![5]]);
    for query in ["limit=0", "cursor=YQ", "page=2"] {
        let path = format!("{TENANT}/deliveries/{id}/attempts?{query}");
        world.get(&path).await.problem(400);
    }
}

#[tokio::test]
async fn statistics_count_what_happened() {
    let world = World::furnished().await;
    let id = delivery(&world).await;
    arrive(&world, &id).await;
    let endpoint = world
        .get(&format!("{TENANT}/deliveries/{id}"))
        .await
        .ok(200);
    let endpoint = format!(
        "{TENANT}/endpoints/{}",
        endpoint["endpoint_id"].as_str().unwrap()
    );
    let stats = world.get(&format!("{endpoint}/stats")).await.ok(200);
    assert_eq!(stats["totals"]["delivered"], 1, "{stats}");
    assert_eq!(stats["minutes"].as_array().unwrap().len(), 1);
    assert_eq!(stats["minutes"][0]["delivered"], 1);
    let long_ago = "from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z";
    let stats = world
        .get(&format!("{endpoint}/stats?{long_ago}"))
        .await
        .ok(200);
    assert_eq!(stats["totals"]["delivered"], 0);
}

#[tokio::test]
async fn a_waiting_delivery_is_attempted_again_and_an_ended_one_is_replayed() {
    let world = World::furnished().await;
    let id = delivery(&world).await;
    let retry = format!("{TENANT}/deliveries/{id}/retry");
    let same = world
        .call("POST", &retry, crate::world::ROOT, &[], None)
        .await
        .ok(202);
    assert_eq!(same["id"], id);
    arrive(&world, &id).await;
    let replay = world
        .call("POST", &retry, crate::world::ROOT, &[], None)
        .await
        .ok(202);
    assert_eq!(replay["replay_of"], id);
    assert_ne!(replay["id"], id);
    let path = format!(
        "{TENANT}/endpoints/{}",
        replay["endpoint_id"].as_str().unwrap()
    );
    world
        .write("PATCH", &path, json!({"enabled": false}))
        .await
        .ok(200);
    world
        .call("POST", &retry, crate::world::ROOT, &[], None)
        .await
        .problem(409);
}

#[tokio::test]
async fn a_test_answers_with_the_attempt_and_keeps_nothing() {
    let world = World::furnished().await;
    let endpoint = world.endpoint().await;
    let path = format!("{endpoint}/test");
    let before = world.everything().await;
    let attempt = world
        .call("POST", &path, crate::world::ROOT, &[], None)
        .await
        .ok(200);
    assert_eq!(attempt["status"], 200);
    assert_eq!(attempt["trigger"], "manual");
    assert!(attempt["delivery_id"].is_null());
    world
        .post(&path, json!({"event_type": "invoice.paid"}))
        .await
        .ok(200);
    let answer = world
        .post(&path, json!({"event_type": "no.such", "more": 1}))
        .await;
    answer.problem(422);
    assert_eq!(answer.faults(), ["#/event_type", "#/more"]);
    assert_eq!(world.everything().await, before);
}
