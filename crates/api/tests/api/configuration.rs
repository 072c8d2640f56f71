//! Making, changing and removing tenants, event types, endpoints and secrets.

use serde_json::json;

use crate::world::{ROOT, World};

#[tokio::test]
async fn what_is_made_is_found_where_the_answer_says() {
    let world = World::empty().await;
    for (path, body) in [
        ("/v1/environments", json!({"id": "staging"})),
        (
            "/v1/tenants",
            json!({"name": "Acme", "metadata": {"plan": "pro"}}),
        ),
        ("/v1/tenants", json!({"name": "Acme", "id": "acme"})),
        (
            "/v1/event-types",
            json!({"name": "invoice.paid", "example": {"a": 1}}),
        ),
        (
            "/v1/tenants/acme/endpoints",
            json!({"url": "https://example.com/hook"}),
        ),
    ] {
        let made = world.post(path, body).await;
        let view = made.ok(201);
        let location = made.headers["location"].to_str().unwrap();
        assert_eq!(world.get(location).await.ok(200), view, "{location}");
    }
    let again = world
        .post("/v1/tenants", json!({"name": "Acme", "id": "acme"}))
        .await;
    again.problem(409);
}

#[tokio::test]
async fn a_merge_patch_changes_what_it_names() {
    let world = World::furnished().await;
    let endpoint = json!({
        "url": "https://example.com/hook",
        "description": "first",
        "event_types": ["invoice.paid", "customer.*", {"type": "invoice.paid", "subcategory": "eu"}],
        "attributes": {"region": "eu"},
        "headers": {"x-a": "1"},
        "metadata": {"a": "1", "b": "2"},
        "delivery_policy": {"timeout": "1500ms", "waits": ["0s", "1h30m"]},
    });
    let made = world.post("/v1/tenants/acme/endpoints", endpoint).await;
    let path = made.headers["location"].to_str().unwrap().to_owned();
    let before = made.ok(201);
    assert_eq!(
        before["delivery_policy"],
        json!({"timeout": "1s500ms", "waits": ["0s", "1h30m"]})
    );
    let patch = json!({"description": null, "metadata": {"a": null, "c": "3"}, "enabled": false});
    let after = world.write("PATCH", &path, patch).await.ok(200);
    assert_eq!(after["description"], "");
    assert_eq!(after["metadata"], json!({"b": "2", "c": "3"}));
    assert_eq!(after["disabled_reason"], "manual");
    for same in [
        "url",
        "event_types",
        "attributes",
        "headers",
        "delivery_policy",
        "signature",
    ] {
        assert_eq!(after[same], before[same], "{same}");
    }
    let secrets = world.get(&format!("{path}/secrets")).await.ok(200);
    assert_eq!(secrets["data"].as_array().unwrap().len(), 1);
    let wrong = json!({"url": null, "secret": "whsec_x", "metadata": {"a": 1}, "id": "x"});
    let answer = world.write("PATCH", &path, wrong).await;
    answer.problem(422);
    assert_eq!(
        answer.faults(),
        ["#/id", "#/metadata/a", "#/secret", "#/url"],
        "{}",
        answer.text()
    );
    world.write("PATCH", &path, json!([])).await.problem(422);
    assert_eq!(world.get(&path).await.ok(200), after);
}

#[tokio::test]
async fn an_endpoint_that_names_a_removed_type_can_still_be_changed() {
    let world = World::furnished().await;
    let endpoint = json!({"url": "https://example.com/x", "event_types": ["invoice.paid"]});
    let made = world.post("/v1/tenants/acme/endpoints", endpoint).await;
    let path = made.headers["location"].to_str().unwrap().to_owned();
    world.delete("/v1/event-types/invoice.paid").await.ok(204);
    let after = world
        .write("PATCH", &path, json!({"enabled": false}))
        .await
        .ok(200);
    assert_eq!(after["event_types"], json!(["invoice.paid"]));
}

#[tokio::test]
async fn patches_at_the_same_time_lose_nothing_of_each_other() {
    let world = World::furnished().await;
    let path = "/v1/tenants/acme";
    let patch = async |name: &str| {
        let body = json!({"metadata": {name: "1"}});
        world.write("PATCH", path, body).await
    };
    let (a, b, c) = tokio::join!(patch("a"), patch("b"), patch("c"));
    for answer in [a, b, c] {
        answer.ok(200);
    }
    let seen = world.get(path).await.ok(200);
    assert_eq!(seen["metadata"], json!({"a": "1", "b": "1", "c": "1"}));
}

#[tokio::test]
async fn a_replacement_leaves_nothing_of_before() {
    let world = World::furnished().await;
    let put = async |path: &str, body| world.write("PUT", path, body).await;
    let seen = put(
        "/v1/tenants/acme",
        json!({"name": "A", "metadata": {"a": "1"}}),
    )
    .await
    .ok(200);
    assert_eq!(seen["metadata"], json!({"a": "1"}));
    let seen = put("/v1/tenants/acme", json!({"name": "A", "id": "acme"}))
        .await
        .ok(200);
    assert_eq!(seen["metadata"], json!({}));
    let answer = put("/v1/tenants/acme", json!({"id": "b", "metadata": []})).await;
    assert_eq!(
        answer.faults(),
        ["#/id", "#/metadata", "#/name"],
        "{}",
        answer.text()
    );
    let event_type = json!({"name": "invoice.paid", "retired_at": "2030-01-01T00:00:00+02:00"});
    let seen = put("/v1/event-types/invoice.paid", event_type)
        .await
        .ok(200);
    assert_eq!(seen["retired_at"], "2029-12-31T22:00:00.000Z");
    assert_eq!(seen["subcategories"], json!([]));
    let wrong = json!({"name": "x", "schema": {"type": "nonsense"}, "retired_at": "soon"});
    let answer = put("/v1/event-types/invoice.paid", wrong).await;
    assert_eq!(
        answer.faults(),
        ["#/name", "#/retired_at", "#/schema"],
        "{}",
        answer.text()
    );
    for path in [
        "/v1/tenants/x",
        "/v1/event-types/x",
        "/v1/tenants/acme/endpoints/x",
    ] {
        for method in ["PUT", "PATCH"] {
            // What is not there is told before what is wrong with the body.
            world
                .write(method, path, json!({"no": 1}))
                .await
                .problem(404);
        }
        world.delete(path).await.problem(404);
    }
}

#[tokio::test]
async fn what_is_removed_is_gone() {
    let world = World::furnished().await;
    let endpoint = world.endpoint().await;
    for path in [
        endpoint.as_str(),
        "/v1/event-types/invoice.paid",
        "/v1/tenants/acme",
    ] {
        let answer = world.delete(path).await;
        answer.ok(204);
        assert!(answer.bytes.is_empty());
        world.get(path).await.problem(404);
        world.delete(path).await.problem(404);
    }
    let event = json!({"type": "invoice.paid", "data": 1});
    world
        .post("/v1/tenants/acme/events", event)
        .await
        .problem(404);
}

#[tokio::test]
async fn a_rotated_secret_signs_beside_the_old_one() {
    let world = World::furnished().await;
    let endpoint = world.endpoint().await;
    let path = format!("{endpoint}/secrets");
    let first = world.get(&path).await.ok(200);
    let rotated = world
        .call("POST", &format!("{path}/rotate"), ROOT, &[], None)
        .await
        .ok(200);
    let data = rotated["data"].as_array().unwrap();
    assert_eq!(data.len(), 2);
    assert_eq!(data[1]["secret"], first["data"][0]["secret"]);
    assert!(data[0]["expires_at"].is_null() && data[1]["expires_at"].is_string());
    assert_eq!(world.get(&path).await.ok(200), rotated);
    let now = world
        .post(&format!("{path}/rotate"), json!({"overlap": "0s"}))
        .await
        .ok(200);
    assert_eq!(now["data"].as_array().unwrap().len(), 1);
    let wrong = json!({"secret": "hunter2", "overlap": "40d", "more": 1});
    let answer = world.post(&format!("{path}/rotate"), wrong).await;
    answer.problem(422);
    assert_eq!(answer.faults(), ["#/more", "#/overlap", "#/secret"]);
    assert!(!answer.text().contains("hunter2"));
    let asymmetric = json!({"url": "https://example.com/x", "signature": "v1a"});
    let made = world.post("/v1/tenants/acme/endpoints", asymmetric).await;
    let path = format!("{}/secrets", made.headers["location"].to_str().unwrap());
    let secret = world.get(&path).await.ok(200)["data"][0].clone();
    assert!(secret["secret"].as_str().unwrap().starts_with("whsk_"));
    assert!(secret["public_key"].as_str().unwrap().starts_with("whpk_"));
}

#[tokio::test]
async fn the_document_and_its_page_need_no_key_and_no_outside_host() {
    let world = World::empty().await;
    for path in [
        "/openapi.json",
        "/docs",
        "/docs/page.js",
        "/docs/schema.js",
        "/docs/elements.js",
        "/docs/page.css",
    ] {
        let request = http::Request::get(path).body(axum::body::Body::empty());
        let answer = world.send(request.unwrap()).await;
        assert_eq!(answer.status, 200, "{path}");
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("http"),
            "{policy}"
        );
        if path != "/openapi.json" {
            assert!(
                !answer.text().contains("//cdn") && !answer.text().contains("https://"),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn an_operational_tenant_brings_the_types_of_its_events_and_is_the_only_one() {
    let world = World::furnished().await;
    let types = async || {
        let types = world.get("/v1/event-types").await.ok(200);
        let types = types["data"].as_array().unwrap();
        let names = types.iter().map(|each| each["name"].as_str().unwrap());
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(types().await, ["invoice.paid"]);
    let operations = json!({"id": "operations", "name": "Operations", "operational": true});
    let made = world.post("/v1/tenants", operations).await.ok(201);
    assert_eq!(made["operational"], true);
    let names = types().await;
    assert!(names.contains(&"endpoint.disabled".to_owned()), "{names:?}");
    assert!(
        names.contains(&"delivery.exhausted".to_owned()),
        "{names:?}"
    );

    let second = json!({"operational": true});
    let answer = world
        .write("PATCH", "/v1/tenants/acme", second.clone())
        .await;
    let problem = answer.problem(409);
    assert!(
        problem["detail"].as_str().unwrap().contains("operations"),
        "{problem}"
    );
    let none = json!({"operational": false});
    let changed = world.write("PATCH", "/v1/tenants/operations", none).await;
    assert_eq!(changed.ok(200)["operational"], false);
    let moved = world.write("PATCH", "/v1/tenants/acme", second).await;
    assert_eq!(moved.ok(200)["operational"], true);
    // A patch of something else leaves it so.
    let renamed = world
        .write("PATCH", "/v1/tenants/acme", json!({"name": "Acme"}))
        .await;
    assert_eq!(renamed.ok(200)["operational"], true);
}

#[tokio::test]
async fn an_event_type_says_how_it_is_delivered_within_the_bounds_of_any_policy() {
    let world = World::furnished().await;
    let path = "/v1/event-types/invoice.paid";
    let policy = json!({"delivery_policy": {"timeout": "5s", "waits": ["0s", "10s"]}});
    let changed = world.write("PATCH", path, policy).await.ok(200);
    let expected = json!({"timeout": "5s", "waits": ["0s", "10s"]});
    assert_eq!(changed["delivery_policy"], expected);
    assert_eq!(world.get(path).await.ok(200), changed);
    let wrong = json!({"delivery_policy": {"timeout": "2h", "waits": [], "jitter": 2}});
    let answer = world.write("PATCH", path, wrong).await;
    answer.problem(422);
    let places = answer.faults();
    assert!(
        places
            .iter()
            .any(|place| place == "#/delivery_policy/jitter"),
        "{places:?}"
    );
    // What it means for the endpoint is the endpoint's to say.
    let foreign = json!({"delivery_policy": {"gone_disables": false}});
    let answer = world.write("PATCH", path, foreign).await;
    answer.problem(422);
    assert_eq!(answer.faults(), ["#/delivery_policy/gone_disables"]);
    let cleared = world
        .write("PATCH", path, json!({"delivery_policy": null}))
        .await
        .ok(200);
    assert_eq!(cleared["delivery_policy"], json!({}));
}

#[tokio::test]
async fn an_endpoint_has_a_rate_and_a_breaker_and_shows_how_it_stands() {
    let world = World::furnished().await;
    let endpoint = json!({
        "url": "https://example.com/hook",
        "rate_limit": {"requests": 200, "per": "second"},
        "delivery_policy": {"breaker": {"failures": 5, "longest_wait": "1h"}, "disable_after": "2d"},
    });
    let made = world.post("/v1/tenants/acme/endpoints", endpoint).await;
    let path = made.headers["location"].to_str().unwrap().to_owned();
    let view = made.ok(201);
    let usual = json!({"requests": 200, "per": "second", "burst": 4});
    assert_eq!(view["rate_limit"], usual);
    let policy = json!({"breaker": {"failures": 5, "longest_wait": "1h"}, "disable_after": "2d"});
    assert_eq!(view["delivery_policy"], policy);
    let closed = json!({"state": "closed", "since": null, "reason": null, "next_probe_at": null});
    assert_eq!(view["breaker"], closed);
    assert_eq!(view["failing_since"], json!(null));

    let patch = json!({
        "rate_limit": {"per": "minute"},
        "delivery_policy": {"breaker": {"enabled": false}},
    });
    let after = world.write("PATCH", &path, patch).await.ok(200);
    assert_eq!(after["rate_limit"]["per"], "minute");
    assert_eq!(after["delivery_policy"]["breaker"]["enabled"], false);
    let none = world
        .write("PATCH", &path, json!({"rate_limit": null}))
        .await;
    assert_eq!(none.ok(200)["rate_limit"], json!(null));
}

#[tokio::test]
async fn impossible_rates_and_breakers_are_refused_with_the_member_and_the_reason() {
    let world = World::furnished().await;
    let endpoint = json!({
        "url": "https://example.com/hook",
        "rate_limit": {"requests": 20_000, "per": "second", "burst": 1},
        "delivery_policy": {
            "breaker": {"first_wait": "1h", "longest_wait": "1m"},
            "disable_after": "1m",
        },
    });
    let refused = world.post("/v1/tenants/acme/endpoints", endpoint).await;
    let problem = refused.problem(422);
    let text = problem.to_string();
    for pointer in [
        "#/rate_limit/requests",
        "#/delivery_policy/breaker/longest_wait",
        "#/delivery_policy/disable_after",
    ] {
        assert!(text.contains(pointer), "{pointer} {text}");
    }
    for rate in [
        json!({"requests": 5}),
        json!({"requests": 0, "per": "minute"}),
    ] {
        let endpoint = json!({"url": "https://example.com/hook", "rate_limit": rate});
        let refused = world.post("/v1/tenants/acme/endpoints", endpoint).await;
        assert!(refused.problem(422).to_string().contains("rate_limit"));
    }
}
