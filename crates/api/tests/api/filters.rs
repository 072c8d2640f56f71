//! Content filters: saved, asked when events are published, and tried out.

use serde_json::{Value, json};

use crate::world::{ROOT, World};

const EVENTS: &str = "/v1/tenants/acme/events";

/// A world whose endpoint asks for this.
async fn with_filter(filter: &str) -> (World, String) {
    let world = World::furnished().await;
    let path = world.endpoint().await;
    let list = world.get("/v1/tenants/acme/endpoints").await.ok(200);
    for other in list["data"].as_array().unwrap() {
        let other = format!(
            "/v1/tenants/acme/endpoints/{}",
            other["id"].as_str().unwrap()
        );
        if other != path {
            world.delete(&other).await.ok(204);
        }
    }
    let changed = world.write("PATCH", &path, json!({"filter": filter})).await;
    assert_eq!(changed.ok(200)["filter"], filter);
    (world, path)
}

/// How many deliveries an event with this data has.
async fn published(world: &World, data: Value) -> u64 {
    let event = json!({"type": "invoice.paid", "subcategory": "eu", "data": data,
        "attributes": {"region": "eu"}});
    let accepted = world.post(EVENTS, event).await.ok(202);
    let id = accepted["id"].as_str().unwrap();
    let listed = world
        .get(&format!("{EVENTS}/{id}/deliveries"))
        .await
        .ok(200);
    assert_eq!(
        listed["data"].as_array().unwrap().len() as u64,
        accepted["deliveries"]
    );
    accepted["deliveries"].as_u64().unwrap()
}

#[tokio::test]
async fn an_event_goes_to_endpoints_whose_filter_is_true() {
    let (world, path) = with_filter("data.amount > 100 && type == 'invoice.paid'").await;
    assert_eq!(published(&world, json!({"amount": 101})).await, 1);
    assert_eq!(published(&world, json!({"amount": 100})).await, 0);
    let about = "subcategory == 'eu' && 'eu' in attributes.region";
    world
        .write("PATCH", &path, json!({"filter": about}))
        .await
        .ok(200);
    assert_eq!(published(&world, json!(null)).await, 1);
    let without = world.write("PATCH", &path, json!({"filter": null})).await;
    assert_eq!(without.ok(200)["filter"], Value::Null);
    assert_eq!(published(&world, json!({"amount": 1})).await, 1);
}

#[tokio::test]
async fn others_get_what_a_filter_keeps_from_one() {
    let (world, _) = with_filter("data.amount > 100").await;
    world.endpoint().await;
    assert_eq!(published(&world, json!({"amount": 1})).await, 1);
    let event = |tenant: &str, amount: u64| json!({"tenant": tenant, "type": "invoice.paid", "data": {"amount": amount}});
    let batch = json!({"events": [event("acme", 1), event("other", 1), event("acme", 200)]});
    let answer = world.post("/v1/events/batch", batch).await.ok(200);
    let deliveries: Vec<&Value> = answer["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| &each["deliveries"])
        .collect();
    assert_eq!(deliveries, [1, 0, 2], "{answer}");
}

#[tokio::test]
async fn a_mistake_in_a_filter_is_told_with_its_place_when_it_is_saved() {
    let (world, path) = with_filter("data.amount > 100").await;
    for filter in [
        "data.amount >",
        "amount > 1",
        "data.amount + 1",
        "",
        "data.all(a, data.all(b, data.all(c, data.all(d, true))))",
    ] {
        for (method, at, body) in [
            ("PATCH", path.as_str(), json!({"filter": filter})),
            (
                "POST",
                "/v1/tenants/acme/endpoints",
                json!({"url": "https://example.com", "filter": filter}),
            ),
        ] {
            let answer = world.write(method, at, body).await;
            let problem = answer.problem(422);
            assert_eq!(answer.faults(), ["#/filter"], "{problem}");
            let detail = problem["errors"][0]["detail"].as_str().unwrap();
            assert!(
                filter.is_empty() || detail.contains("line 1, column "),
                "{detail}"
            );
        }
    }
    assert_eq!(
        world.get(&path).await.ok(200)["filter"],
        "data.amount > 100"
    );
}

#[tokio::test]
async fn an_error_is_no_match_and_is_counted_and_told() {
    let (world, path) = with_filter("data.customer.vip").await;
    let errors =
        async || world.get(&format!("{path}/stats")).await.ok(200)["filter_errors"].clone();
    assert_eq!(
        errors().await,
        json!({"count": 0, "last_at": null, "last_detail": null})
    );
    assert_eq!(
        published(&world, json!({"customer": {"vip": true}})).await,
        1
    );
    assert_eq!(
        published(&world, json!({"customer": {"name": "secret name"}})).await,
        0
    );
    assert_eq!(
        published(&world, json!({"customer": {"vip": "secret name"}})).await,
        0
    );
    let told = errors().await;
    assert_eq!(told["count"], 2);
    assert_eq!(
        told["last_detail"],
        "the filter's result is of the type string; it must be true or false"
    );
    assert!(told["last_at"].is_string());
    // A change of something else keeps what was counted, one of the filter begins anew.
    world
        .write("PATCH", &path, json!({"description": "a"}))
        .await
        .ok(200);
    assert_eq!(errors().await["count"], 2);
    world
        .write("PATCH", &path, json!({"filter": "true"}))
        .await
        .ok(200);
    assert_eq!(errors().await["count"], 0);
    world
        .write("PATCH", &path, json!({"filter": null}))
        .await
        .ok(200);
    assert_eq!(errors().await, Value::Null);
}

#[tokio::test]
async fn what_has_no_value_for_filters_is_still_published() {
    let (world, _) = with_filter("data.n > 1").await;
    let body = br#"{"type":"invoice.paid","data":{"n":1e999}}"#;
    let answer = world.call("POST", EVENTS, ROOT, &[], Some(body)).await;
    assert_eq!(answer.ok(202)["deliveries"], 0);
}

#[tokio::test]
async fn a_repetition_is_the_first_event_whatever_the_filter_says_by_then() {
    let (world, path) = with_filter("data.amount > 100").await;
    let event = json!({"type": "invoice.paid", "id": "once", "data": {"amount": 200}});
    let first = world.post(EVENTS, event.clone()).await.ok(202);
    assert_eq!(first["deliveries"], 1);
    world
        .write("PATCH", &path, json!({"filter": "false"}))
        .await
        .ok(200);
    assert_eq!(world.post(EVENTS, event).await.ok(202), first);
}

#[tokio::test]
async fn a_dry_run_tells_whether_an_event_would_match_and_why_not() {
    let (world, path) = with_filter("data.amount > 100").await;
    let at = format!("{path}/match");
    let reasons = async |body: Value| {
        let answer = world.post(&at, body).await.ok(200);
        let list = answer["reasons"].as_array().unwrap().clone();
        assert_eq!(answer["matches"], list.is_empty());
        list.iter()
            .map(|each| each["reason"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let before = world.everything().await;
    let event = |data: Value| json!({"type": "invoice.paid", "data": data});
    assert!(reasons(event(json!({"amount": 101}))).await.is_empty());
    assert_eq!(reasons(event(json!({"amount": 1}))).await, ["filter"]);
    assert_eq!(reasons(event(json!({}))).await, ["filter_error"]);
    let mut other = event(json!({"amount": 1}));
    other["filter"] = json!("data.amount == 1");
    assert!(reasons(other.clone()).await.is_empty());
    other["filter"] = json!("data.amount ==");
    assert_eq!(world.post(&at, other).await.faults(), ["#/filter"]);
    let wrong = json!({"type": "no.such", "filter": "dta"});
    let wrong = world.post(&at, wrong).await;
    assert_eq!(
        wrong.faults(),
        ["#/data", "#/filter", "#/type"],
        "{}",
        wrong.text()
    );
    assert_eq!(world.everything().await, before);
    let stats = world.get(&format!("{path}/stats")).await.ok(200);
    assert_eq!(stats["filter_errors"]["count"], 0);

    let strict = json!({"enabled": false, "event_types": ["other.*"], "attributes": {"region": "us", "plan": "pro"}});
    world.write("PATCH", &path, strict).await.ok(200);
    let mut event = event(json!({"amount": 1}));
    event["attributes"] = json!({"region": ["eu", "us"]});
    assert_eq!(
        reasons(event).await,
        ["disabled", "event_type", "attributes", "filter"]
    );
}

#[tokio::test]
async fn who_may_look_up_may_try_out() {
    let (world, path) = with_filter("data.amount > 100").await;
    let body = json!({"type": "invoice.paid", "data": {"amount": 1}}).to_string();
    for (role, status) in [("reader", 200), ("manager", 200), ("publisher", 403)] {
        let key = world.key(role, None).await;
        let answer = world
            .call(
                "POST",
                &format!("{path}/match"),
                &key,
                &[],
                Some(body.as_bytes()),
            )
            .await;
        assert_eq!(answer.status, status, "{role}");
    }
    let missing = "/v1/tenants/acme/endpoints/ep_00000000000000000000000000/match";
    world
        .call("POST", missing, ROOT, &[], Some(body.as_bytes()))
        .await
        .problem(404);
}
