//! Quotas of tenants and keys.

use serde_json::json;

use crate::world::{Answer, World};

/// Checks that it is refused for this quota, with a time to come again.
#[track_caller]
fn used_up(answer: &Answer, quota: &str) {
    let problem = answer.problem(429);
    assert_eq!(problem["quota"], quota, "{problem}");
    let seconds = problem["retry_after"].as_u64().unwrap();
    assert!(seconds >= 1);
    assert_eq!(answer.headers["retry-after"], seconds.to_string());
}

#[tokio::test]
async fn a_tenant_has_as_many_endpoints_as_its_quota_says() {
    let world = World::furnished().await;
    let quotas = json!({"quotas": {"endpoints": 2}});
    let tenant = world.write("PATCH", "/v1/tenants/acme", quotas).await;
    assert_eq!(tenant.ok(200)["quotas"], json!({"endpoints": 2}));
    let endpoint = json!({"url": "https://example.com/hook"});
    let path = "/v1/tenants/acme/endpoints";
    let second = world.post(path, endpoint.clone()).await;
    second.ok(201);
    used_up(&world.post(path, endpoint.clone()).await, "endpoints");
    let other = "/v1/tenants/other/endpoints";
    world.post(other, endpoint.clone()).await.ok(201);
    let there = second.headers["location"].to_str().unwrap();
    world.delete(there).await.ok(204);
    world.post(path, endpoint).await.ok(201);
}

#[tokio::test]
async fn a_key_publishes_at_its_rate() {
    let world = World::furnished().await;
    let rate = json!({"events": 60, "per": "minute", "burst": 3});
    let made = json!({"name": "slow", "role": "publisher", "publish_rate": rate});
    let made = world.post("/v1/keys", made).await.ok(201);
    assert_eq!(made["publish_rate"], rate);
    let key = made["key"].as_str().unwrap();
    let path = "/v1/tenants/acme/events";
    let event = json!({"type": "invoice.paid", "data": {}}).to_string();
    let publish = async || {
        world
            .call("POST", path, key, &[], Some(event.as_bytes()))
            .await
    };
    for _ in 0..3 {
        publish().await.ok(202);
    }
    used_up(&publish().await, "publishes");
    // Others are not held to it, and a batch is taken as far as the rate goes.
    world
        .post(path, json!({"type": "invoice.paid", "data": {}}))
        .await
        .ok(202);
    let change = json!({"publish_rate": {"events": 60, "per": "minute", "burst": 5}});
    let path_of_key = format!("/v1/keys/{}", made["id"].as_str().unwrap());
    world.write("PATCH", &path_of_key, change).await.ok(200);
    let event = json!({"tenant": "acme", "type": "invoice.paid", "data": {}});
    let batch = json!({"events": vec![event; 4]}).to_string();
    let batch = world
        .call("POST", "/v1/events/batch", key, &[], Some(batch.as_bytes()))
        .await;
    let outcomes = batch.ok(200)["data"].clone();
    let statuses: Vec<_> = (0..4)
        .map(|place| outcomes[place]["status"].clone())
        .collect();
    assert_eq!(statuses, [202, 202, 429, 429]);
    assert_eq!(outcomes[3]["problem"]["quota"], "publishes");
    // Without a rate of its own, it has the operator's: here none.
    let none = json!({"publish_rate": null});
    let changed = world.write("PATCH", &path_of_key, none).await.ok(200);
    assert_eq!(changed["publish_rate"], json!(null));
    publish().await.ok(202);
}

#[tokio::test]
async fn impossible_quotas_are_refused_with_the_reason() {
    let world = World::furnished().await;
    let quotas = json!({"quotas": {"endpoints": 0, "waiting_deliveries": 0}});
    let answer = world.write("PATCH", "/v1/tenants/acme", quotas).await;
    answer.problem(422);
    let places = ["#/quotas/endpoints", "#/quotas/waiting_deliveries"];
    assert_eq!(answer.faults(), places, "{}", answer.text());
    let rate = json!({"events": 20_000, "per": "second"});
    let key = json!({"name": "a", "role": "publisher", "publish_rate": rate});
    let answer = world.post("/v1/keys", key).await;
    answer.problem(422);
    assert_eq!(answer.faults(), ["#/publish_rate/events"]);
}
