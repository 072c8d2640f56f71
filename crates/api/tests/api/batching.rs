//! Endpoints that ask for batches of events.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn an_endpoint_asks_for_batches_and_shows_it() {
    let world = World::furnished().await;
    let endpoint = json!({
        "url": "https://example.com/hook",
        "batch": {"max_events": 100, "max_wait": "1500ms"},
    });
    let made = world.post("/v1/tenants/acme/endpoints", endpoint).await;
    let path = made.headers["location"].to_str().unwrap().to_owned();
    let wanted = json!({"max_events": 100, "max_wait": "1s500ms"});
    assert_eq!(made.ok(201)["batch"], wanted);
    let patch = json!({"batch": {"max_wait": "1m"}});
    let after = world.write("PATCH", &path, patch).await.ok(200);
    assert_eq!(after["batch"], json!({"max_events": 100, "max_wait": "1m"}));
    let patch = json!({"description": "Others"});
    let after = world.write("PATCH", &path, patch).await.ok(200);
    assert_eq!(after["batch"]["max_events"], 100);
    let none = world.write("PATCH", &path, json!({"batch": null})).await;
    assert_eq!(none.ok(200)["batch"], json!(null));
    let replaced = json!({"url": "https://example.com/hook"});
    let replaced = world.write("PUT", &path, replaced).await.ok(200);
    assert_eq!(replaced["batch"], json!(null));
}

#[tokio::test]
async fn impossible_batches_are_refused_with_the_member_and_the_reason() {
    let world = World::furnished().await;
    for (batch, place, reason) in [
        (
            json!({"max_events": 1, "max_wait": "1s"}),
            "#/batch/max_events",
            "2",
        ),
        (
            json!({"max_events": 101, "max_wait": "1s"}),
            "#/batch/max_events",
            "100",
        ),
        (
            json!({"max_events": 10, "max_wait": "2m"}),
            "#/batch/max_wait",
            "1m",
        ),
        (
            json!({"max_events": 10, "max_wait": "0ms"}),
            "#/batch/max_wait",
            "1ms",
        ),
        (
            json!({"max_events": 10, "max_wait": 5}),
            "#/batch/max_wait",
            "",
        ),
        (json!({"max_events": 10}), "#/batch/max_wait", "required"),
        (
            json!({"max_events": 2, "max_wait": "1s", "x": 1}),
            "#/batch/x",
            "",
        ),
    ] {
        let endpoint = json!({"url": "https://example.com/hook", "batch": batch});
        let refused = world.post("/v1/tenants/acme/endpoints", endpoint).await;
        let problem = refused.problem(422).to_string();
        assert_eq!(refused.faults(), [place], "{problem}");
        assert!(problem.contains(reason), "{problem}");
    }
}

#[tokio::test]
async fn all_that_is_wrong_with_a_batch_is_told_at_once() {
    let world = World::furnished().await;
    let wrong = json!({"max_events": 1, "max_wait": "2m"});
    let endpoint = json!({"url": "not one", "batch": wrong});
    let refused = world.post("/v1/tenants/acme/endpoints", endpoint).await;
    refused.problem(422);
    let told = ["#/batch/max_events", "#/batch/max_wait", "#/url"];
    let mut faults = refused.faults();
    faults.sort_unstable();
    assert_eq!(faults, told);

    let endpoint = json!({"url": "https://example.com/hook"});
    let made = world.post("/v1/tenants/acme/endpoints", endpoint).await;
    let made = made.ok(201);
    let path = format!(
        "/v1/tenants/acme/endpoints/{}",
        made["id"].as_str().unwrap()
    );
    let patch = json!({"batch": {"max_events": 101, "max_wait": "0s"}});
    let refused = world.write("PATCH", &path, patch).await;
    refused.problem(422);
    assert_eq!(refused.faults(), told[..2]);
}
