//! Publishing one event.

use serde_json::json;

use crate::world::{ROOT, World};

const EVENTS: &str = "/v1/tenants/acme/events";

#[tokio::test]
async fn an_event_is_accepted_and_can_be_looked_up_as_it_came() {
    let world = World::furnished().await;
    let body = r#" { "type":"invoice.paid", "subcategory":"eu", "attributes":{"region":"eu","a":["2","1"]},
        "data": {"n": 1.0e2,  "text":"\u00e9" } } "#;
    let answer = world
        .call("POST", EVENTS, ROOT, &[], Some(body.as_bytes()))
        .await;
    let accepted = answer.ok(202);
    assert_eq!(accepted["deliveries"], 1);
    assert_eq!(accepted["type"], "invoice.paid");
    let id = accepted["id"].as_str().unwrap();
    let seen = world.get(&format!("{EVENTS}/{id}")).await;
    assert!(
        seen.text()
            .contains(r#""data":{"n": 1.0e2,  "text":"\u00e9" }"#),
        "{}",
        seen.text()
    );
    let seen = seen.ok(200);
    assert_eq!(
        seen["attributes"],
        json!({"a": ["1", "2"], "region": ["eu"]})
    );
    assert_eq!(seen["timestamp"], accepted["timestamp"]);
    assert_eq!(seen["payload_kept"], true);
}

#[tokio::test]
async fn any_json_is_data() {
    let world = World::furnished().await;
    for data in ["null", "7", "\"text\"", "[]", "true", "{\"a\":{}}"] {
        let body = format!("{{\"type\":\"invoice.paid\",\"data\":{data}}}");
        let answer = world
            .call("POST", EVENTS, ROOT, &[], Some(body.as_bytes()))
            .await;
        let id = answer.ok(202)["id"].as_str().unwrap().to_owned();
        let seen = world.get(&format!("{EVENTS}/{id}")).await.text();
        assert!(seen.contains(&format!("\"data\":{data}")), "{seen}");
    }
    let answer = world.post(EVENTS, json!({"type": "invoice.paid"})).await;
    answer.problem(422);
    assert_eq!(answer.faults(), ["#/data"]);
}

#[tokio::test]
async fn a_wrong_event_is_refused_with_all_that_is_wrong() {
    let world = World::furnished().await;
    let before = world.everything().await;
    let wrong =
        json!({"type": "no.such", "id": "a.b", "attributes": {"a": ""}, "deliver_at": "now"});
    let answer = world.post(EVENTS, wrong).await;
    answer.problem(422);
    let places = ["#/attributes", "#/data", "#/deliver_at", "#/id", "#/type"];
    assert_eq!(answer.faults(), places, "{}", answer.text());
    let wrong = json!({"type": "invoice.paid", "subcategory": "mars", "data": 1});
    assert_eq!(world.post(EVENTS, wrong).await.faults(), ["#/subcategory"]);
    let large = json!({"type": "invoice.paid", "data": "x".repeat(256 * 1024)});
    assert_eq!(world.post(EVENTS, large).await.faults(), ["#/data"]);
    let larger = json!({"type": "invoice.paid", "data": "x".repeat(400 * 1024)});
    world.post(EVENTS, larger).await.problem(413);
    assert_eq!(world.everything().await, before);
}

#[tokio::test]
async fn data_must_satisfy_the_types_schema() {
    let world = World::furnished().await;
    let schema = json!({"type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer"}}});
    let strict = json!({"name": "strict", "schema": schema});
    world.post("/v1/event-types", strict).await.ok(201);
    let answer = world
        .post(EVENTS, json!({"type": "strict", "data": {"amount": "x"}}))
        .await;
    answer.problem(422);
    assert_eq!(answer.faults(), ["#/data/amount"]);
    // What can't be checked does not pass unchecked.
    for data in ["{\"amount\":1e999}", "{\"amount\":1,\"a\":\"\\ud800\"}"] {
        let body = format!("{{\"type\":\"strict\",\"data\":{data}}}");
        let answer = world
            .call("POST", EVENTS, ROOT, &[], Some(body.as_bytes()))
            .await;
        answer.problem(422);
        assert_eq!(answer.faults(), ["#/data"]);
    }
    world
        .post(EVENTS, json!({"type": "strict", "data": {"amount": 1}}))
        .await
        .ok(202);
}

#[tokio::test]
async fn a_repeated_request_is_answered_byte_by_byte_as_the_first() {
    let world = World::furnished().await;
    let body = br#"{"type":"invoice.paid","data":{"n":1}}"#;
    let headers = [("Idempotency-Key", "request-1")];
    let first = world.call("POST", EVENTS, ROOT, &headers, Some(body)).await;
    first.ok(202);
    // White space and the order of members are no other content.
    let again = br#"{ "data":{"n":1}, "type":"invoice.paid"}"#;
    for body in [&body[..], &again[..]] {
        assert_eq!(
            world.call("POST", EVENTS, ROOT, &headers, Some(body)).await,
            first
        );
    }
    let other = br#"{"type":"invoice.paid","data":{"n":2}}"#;
    let answer = world
        .call("POST", EVENTS, ROOT, &headers, Some(other))
        .await;
    answer.problem(409);
    // Another path, key or environment is another request.
    let elsewhere = "/v1/tenants/other/events";
    let there = world
        .call("POST", elsewhere, ROOT, &headers, Some(body))
        .await
        .ok(202);
    assert_ne!(there["id"], first.json()["id"]);
    let key = world.key("publisher", None).await;
    let theirs = world
        .call("POST", EVENTS, &key, &headers, Some(body))
        .await
        .ok(202);
    assert_ne!(theirs["id"], first.json()["id"]);
    let events = world.get(EVENTS).await.ok(200);
    assert_eq!(events["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_id_stands_for_one_event_of_a_tenant() {
    let world = World::furnished().await;
    let event = json!({"id": "order-1", "type": "invoice.paid", "data": 1});
    let first = world.post(EVENTS, event.clone()).await;
    assert_eq!(first.ok(202)["id"], "order-1");
    assert_eq!(world.post(EVENTS, event.clone()).await, first);
    let other = json!({"id": "order-1", "type": "invoice.paid", "data": 2});
    world.post(EVENTS, other).await.problem(409);
    world.post("/v1/tenants/other/events", event).await.ok(202);
    let seen = world.get(&format!("{EVENTS}/order-1")).await.ok(200);
    let generated = seen["generated_id"].as_str().unwrap();
    assert_eq!(
        world.get(&format!("{EVENTS}/{generated}")).await.ok(200),
        seen
    );
}

#[tokio::test]
async fn an_idempotency_key_that_can_be_no_name_is_refused() {
    let world = World::furnished().await;
    let long = "x".repeat(256);
    for key in ["", "two words", &long] {
        let headers = [("Idempotency-Key", key)];
        let body = br#"{"type":"invoice.paid","data":1}"#;
        let answer = world.call("POST", EVENTS, ROOT, &headers, Some(body)).await;
        answer.problem(400);
        assert_eq!(answer.faults(), ["Idempotency-Key"]);
    }
}

#[tokio::test]
async fn times_of_an_event_are_taken_and_shown_or_refused_at_their_place() {
    let world = World::furnished().await;
    let path = "/v1/tenants/acme/events";
    // The clock of these tests stands at 2026-09-21T14:13:20Z.
    let event = json!({
        "type": "invoice.paid", "data": {}, "id": "later",
        "deliver_at": "2026-10-01T00:00:00+02:00", "expires_at": "2026-10-02T00:00:00Z",
    });
    let first = world.post(path, event.clone()).await.ok(202);
    assert_eq!(world.post(path, event.clone()).await.ok(202), first);
    let mut other = event.clone();
    other["deliver_at"] = json!(null);
    world.post(path, other).await.problem(409);
    let seen = world.get(&format!("{path}/later")).await.ok(200);
    assert_eq!(seen["deliver_at"], "2026-09-30T22:00:00.000Z");
    assert_eq!(seen["expires_at"], "2026-10-02T00:00:00.000Z");
    let listed = world.get(path).await.ok(200);
    assert_eq!(listed["data"][0]["deliver_at"], seen["deliver_at"]);

    let wrong = json!({
        "type": "invoice.paid", "data": {},
        "deliver_at": "2026-10-22T00:00:00Z", "expires_at": "2026-09-01T00:00:00Z",
    });
    let answer = world.post(path, wrong).await;
    answer.problem(422);
    assert_eq!(
        answer.faults(),
        ["#/deliver_at", "#/expires_at"],
        "{}",
        answer.text()
    );
    let batch = json!({"events": [
        {"tenant": "acme", "type": "invoice.paid", "data": 1, "deliver_at": "2026-10-01T00:00:00Z"},
        {"tenant": "acme", "type": "invoice.paid", "data": 2, "deliver_at": "tomorrow"},
    ]});
    let outcomes = world.post("/v1/events/batch", batch).await.ok(200);
    assert_eq!(outcomes["data"][0]["status"], 202);
    let fault = &outcomes["data"][1]["problem"]["errors"][0];
    assert_eq!(fault["pointer"], "#/events/1/deliver_at");
}
