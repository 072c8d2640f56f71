//! Publishing several events at once.

use serde_json::{Value, json};

use crate::world::{ROOT, World};

const BATCH: &str = "/v1/events/batch";

fn statuses(answer: &Value) -> Vec<u64> {
    let data = answer["data"].as_array().unwrap();
    data.iter()
        .map(|each| each["status"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn each_event_is_accepted_or_refused_by_itself() {
    let world = World::furnished().await;
    let events = json!({"events": [
        {"tenant": "acme", "type": "invoice.paid", "data": 1},
        {"tenant": "nobody", "type": "invoice.paid", "data": 1},
        {"tenant": "other", "type": "no.such", "data": 1, "more": 1},
        {"type": "invoice.paid", "data": 1},
        7,
        {"tenant": "other", "type": "invoice.paid", "data": null},
        {"tenant": "acme", "id": "a", "type": "invoice.paid", "data": 1},
        {"tenant": "acme", "id": "a", "type": "invoice.paid", "data": 1},
        {"tenant": "acme", "id": "a", "type": "invoice.paid", "data": 2},
    ]});
    let answer = world.post(BATCH, events).await.ok(200);
    assert_eq!(
        statuses(&answer),
        [202, 404, 422, 422, 422, 202, 202, 202, 409]
    );
    let data = &answer["data"];
    assert_eq!(data[0]["deliveries"], 1);
    assert_eq!(data[5]["deliveries"], 0);
    assert_eq!(data[6], data[7]);
    let errors = data[2]["problem"]["errors"].to_string();
    assert!(
        errors.contains("\"#/events/2/more\"") && errors.contains("\"#/events/2/type\""),
        "{errors}"
    );
    assert_eq!(
        data[3]["problem"]["errors"][0]["pointer"],
        "#/events/3/tenant"
    );
    assert_eq!(data[4]["problem"]["errors"][0]["pointer"], "#/events/4");
    let seen = world.get("/v1/tenants/acme/events").await.ok(200);
    assert_eq!(seen["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_key_of_a_tenant_publishes_for_that_one_only() {
    let world = World::furnished().await;
    let key = world.key("publisher", Some("acme")).await;
    let body = br#"{"events":[
        {"tenant":"other","type":"invoice.paid","data":1},
        {"tenant":"acme","type":"invoice.paid","data":1},
        {"tenant":"nobody","type":"invoice.paid","data":1}]}"#;
    let answer = world
        .call("POST", BATCH, &key, &[], Some(body))
        .await
        .ok(200);
    assert_eq!(statuses(&answer), [403, 202, 403]);
    let seen = world.get("/v1/tenants/other/events").await.ok(200);
    assert_eq!(seen["data"], json!([]));
}

#[tokio::test]
async fn a_batch_of_another_shape_is_refused_whole() {
    let world = World::furnished().await;
    let event = json!({"tenant": "acme", "type": "invoice.paid", "data": 1});
    let many = vec![event.clone(); 1_001];
    for (body, places) in [
        (json!({}), vec!["#/events"]),
        (json!({"events": {}}), vec!["#/events"]),
        (json!({"events": null}), vec!["#/events"]),
        (
            json!({"events": [event.clone()], "more": 1}),
            vec!["#/more"],
        ),
        (json!({"events": many}), vec!["#/events"]),
        (json!({"events": many, "more": 1}), vec!["#/events"]),
    ] {
        let answer = world.post(BATCH, body).await;
        answer.problem(422);
        assert_eq!(answer.faults(), places);
    }
    let seen = world.get("/v1/tenants/acme/events").await.ok(200);
    assert_eq!(seen["data"], json!([]));
    let most = vec![event; 1_000];
    let answer = world.post(BATCH, json!({"events": most})).await.ok(200);
    assert!(statuses(&answer).iter().all(|status| *status == 202));
    assert_eq!(
        world.post(BATCH, json!({"events": []})).await.ok(200),
        json!({"data": []})
    );
}

#[tokio::test]
async fn a_repeated_batch_is_answered_as_the_first_and_another_changes_nothing() {
    let world = World::furnished().await;
    let headers = [("Idempotency-Key", "batch-1")];
    let event = |data: u32| json!({"tenant": "acme", "type": "invoice.paid", "data": data});
    let first = json!({"events": [event(1), 7, event(2)]}).to_string();
    let answer = world
        .call("POST", BATCH, ROOT, &headers, Some(first.as_bytes()))
        .await;
    assert_eq!(statuses(&answer.ok(200)), [202, 422, 202]);
    let again = world
        .call("POST", BATCH, ROOT, &headers, Some(first.as_bytes()))
        .await;
    assert_eq!(again, answer);
    let before = world.everything().await;
    let longer = json!({"events": [event(1), event(3), event(2), event(4)]}).to_string();
    let answer = world
        .call("POST", BATCH, ROOT, &headers, Some(longer.as_bytes()))
        .await;
    answer.problem(409);
    assert_eq!(world.everything().await, before);
}
