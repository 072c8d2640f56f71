//! Keys, roles, tenants and environments.

use axum::body::Body;
use http::Request;
use serde_json::json;

use crate::world::{ROOT, World};

#[tokio::test]
async fn without_a_key_that_counts_nothing_is_told() {
    let world = World::furnished().await;
    for value in [
        None,
        Some("Bearer"),
        Some("Bearer "),
        Some("Basic cm9vdA=="),
        Some("Bearer fanfare_unknown"),
        Some("root-key-of-the-tests"),
    ] {
        // Even for paths that name nothing, and bodies that are wrong.
        for path in ["/v1/tenants", "/v1/tenants/acme", "/v1/tenants/nobody"] {
            let mut request = Request::builder().uri(path);
            if let Some(value) = value {
                request = request.header("authorization", value);
            }
            let answer = world.send(request.body(Body::empty()).unwrap()).await;
            answer.problem(401);
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
        }
    }
}

#[tokio::test]
async fn a_header_that_says_two_things_says_nothing() {
    let world = World::furnished().await;
    let root = format!("Bearer {ROOT}");
    let request = Request::get("/v1/tenants")
        .header("authorization", &root)
        .header("authorization", "Bearer another");
    let answer = world.send(request.body(Body::empty()).unwrap()).await;
    let problem = answer.problem(401);
    assert!(problem["detail"].as_str().unwrap().contains("not several"));
    let request = Request::get("/v1/tenants")
        .header("authorization", &root)
        .header("fanfare-environment", "default")
        .header("fanfare-environment", "staging");
    let answer = world.send(request.body(Body::empty()).unwrap()).await;
    answer.problem(404);
}

#[tokio::test]
async fn who_may_not_is_told_which_role_may() {
    let world = World::furnished().await;
    let reader = world.key("reader", None).await;
    let event = br#"{"type":"invoice.paid","data":{}}"#;
    let path = "/v1/tenants/acme/events";
    let answer = world.call("POST", path, &reader, &[], Some(event)).await;
    let problem = answer.problem(403);
    let wanted = "use one of the role \"publisher\" or \"manager\" or \"admin\"";
    assert!(
        problem["detail"].as_str().unwrap().contains(wanted),
        "{problem}"
    );
}

#[tokio::test]
async fn a_revoked_or_expired_key_is_refused() {
    let world = World::furnished().await;
    let key = json!({"name": "short", "role": "reader", "expires_at": "2026-09-21T14:13:21Z"});
    let made = world.post("/v1/keys", key).await;
    let location = made.headers["location"].to_str().unwrap().to_owned();
    let made = made.ok(201);
    let text = made["key"].as_str().unwrap();
    world
        .call("GET", "/v1/tenants", text, &[], None)
        .await
        .ok(200);
    let mut expired = false;
    for _ in 0..2_000 {
        // The clock goes on with each look at it.
        expired = world.fanfare.key(text).is_none();
        if expired {
            break;
        }
    }
    assert!(expired);
    world
        .call("GET", "/v1/tenants", text, &[], None)
        .await
        .problem(401);
    let seen = world.get(&location).await.ok(200);
    assert!(seen.get("key").is_none(), "{seen}");

    let reader = world.key("reader", None).await;
    world
        .call("GET", "/v1/tenants", &reader, &[], None)
        .await
        .ok(200);
    let keys = world.get("/v1/keys").await.ok(200);
    let path = format!("/v1/keys/{}", keys["data"][0]["id"].as_str().unwrap());
    world.delete(&path).await.ok(204);
    world
        .call("GET", "/v1/tenants", &reader, &[], None)
        .await
        .problem(401);
}

#[tokio::test]
async fn each_role_may_do_what_it_is_for() {
    let world = World::furnished().await;
    let endpoint = world.endpoint().await;
    let secrets = format!("{endpoint}/secrets");
    let event = br#"{"type":"invoice.paid","data":{}}"#;
    let url = br#"{"url":"https://example.com/x"}"#;
    let tenant = br#"{"name":"x"}"#;
    // admin, manager, publisher, reader
    type Row<'a> = (&'a str, &'a str, Option<&'a [u8]>, [u16; 4]);
    let table: [Row<'_>; 8] = [
        ("GET", "/v1/tenants", None, [200, 200, 403, 200]),
        ("POST", "/v1/tenants", Some(tenant), [201, 403, 403, 403]),
        ("GET", "/v1/keys", None, [200, 403, 403, 403]),
        (
            "POST",
            "/v1/tenants/acme/events",
            Some(event),
            [202, 202, 202, 403],
        ),
        (
            "POST",
            "/v1/tenants/acme/endpoints",
            Some(url),
            [201, 201, 403, 403],
        ),
        ("GET", &endpoint, None, [200, 200, 403, 200]),
        ("GET", &secrets, None, [200, 200, 403, 403]),
        (
            "POST",
            "/v1/environments",
            Some(br#"{"id":"e"}"#),
            [403, 403, 403, 403],
        ),
    ];
    for (place, role) in ["admin", "manager", "publisher", "reader"]
        .into_iter()
        .enumerate()
    {
        let key = world.key(role, None).await;
        for (method, path, body, wanted) in &table {
            let answer = world.call(method, path, &key, &[], *body).await;
            assert_eq!(
                answer.status.as_u16(),
                wanted[place],
                "{role} {method} {path}"
            );
            if wanted[place] == 403 {
                answer.problem(403);
            }
        }
    }
}

#[tokio::test]
async fn a_key_of_a_tenant_learns_nothing_of_another() {
    let world = World::furnished().await;
    let key = world.key("manager", Some("other")).await;
    let call = async |method: &str, path: &str| world.call(method, path, &key, &[], None).await;
    call("GET", "/v1/tenants/other").await.ok(200);
    call("GET", "/v1/event-types").await.ok(200);
    // The same answer whether the tenant is there or not.
    let there = call("GET", "/v1/tenants/acme").await;
    let not_there = call("GET", "/v1/tenants/nobody").await;
    there.problem(403);
    assert_eq!(there.bytes, not_there.bytes);
    call("GET", "/v1/tenants").await.problem(403);
    // What is another tenant's is not there, also by its id.
    let endpoint = world.endpoint().await;
    let id = endpoint.rsplit('/').next().unwrap();
    call("GET", &format!("/v1/tenants/other/endpoints/{id}"))
        .await
        .problem(404);
    let event = json!({"type": "invoice.paid", "data": 1});
    let event = world.post("/v1/tenants/acme/events", event).await.ok(202);
    let id = event["id"].as_str().unwrap();
    call("GET", &format!("/v1/tenants/other/events/{id}"))
        .await
        .problem(404);
    call("GET", &format!("/v1/tenants/other/events/{id}/deliveries"))
        .await
        .problem(404);
    let deliveries = world
        .get(&format!("/v1/tenants/acme/events/{id}/deliveries"))
        .await;
    let id = deliveries.ok(200)["data"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for path in ["", "/attempts"] {
        call("GET", &format!("/v1/tenants/other/deliveries/{id}{path}"))
            .await
            .problem(404);
    }
    call("POST", &format!("/v1/tenants/other/deliveries/{id}/retry"))
        .await
        .problem(404);
}

#[tokio::test]
async fn the_administrator_acts_in_the_environment_that_the_header_names() {
    let world = World::furnished().await;
    world
        .post("/v1/environments", json!({"id": "staging"}))
        .await
        .ok(201);
    let there = [("Fanfare-Environment", "staging")];
    let seen = world
        .call("GET", "/v1/tenants", ROOT, &there, None)
        .await
        .ok(200);
    assert_eq!(seen["data"], json!([]));
    world
        .call("GET", "/v1/tenants/acme", ROOT, &there, None)
        .await
        .problem(404);
    let tenant = br#"{"id":"acme","name":"Another Acme"}"#;
    world
        .call("POST", "/v1/tenants", ROOT, &there, Some(tenant))
        .await
        .ok(201);
    assert_eq!(world.get("/v1/tenants/acme").await.ok(200)["name"], "acme");
    for name in ["nowhere", "no such", ""] {
        let headers = [("Fanfare-Environment", name)];
        world
            .call("GET", "/v1/tenants", ROOT, &headers, None)
            .await
            .problem(404);
    }
    // Another key stays where it was made, whatever it asks for.
    let admin = world.key("admin", None).await;
    world
        .call("GET", "/v1/tenants", &admin, &there, None)
        .await
        .problem(403);
    let nowhere = [("Fanfare-Environment", "nowhere")];
    world
        .call("GET", "/v1/tenants", &admin, &nowhere, None)
        .await
        .problem(403);
    let home = [("Fanfare-Environment", "default")];
    world
        .call("GET", "/v1/tenants", &admin, &home, None)
        .await
        .ok(200);
    world
        .call("GET", "/v1/environments/default", &admin, &[], None)
        .await
        .ok(200);
    world
        .call("GET", "/v1/environments/staging", &admin, &[], None)
        .await
        .problem(403);
    world
        .call("GET", "/v1/environments", &admin, &[], None)
        .await
        .problem(403);
}

#[tokio::test]
async fn values_of_headers_that_may_be_secrets_are_shown_to_managers_only() {
    let world = World::furnished().await;
    let endpoint = json!({
        "url": "https://example.com/x",
        "headers": {"Authorization": "Bearer abc", "x-region": "eu"},
    });
    let made = world.post("/v1/tenants/acme/endpoints", endpoint).await;
    let path = made.headers["location"].to_str().unwrap().to_owned();
    let reader = world.key("reader", Some("acme")).await;
    for path in [path.as_str(), "/v1/tenants/acme/endpoints"] {
        let text = world.call("GET", path, &reader, &[], None).await.text();
        assert!(
            !text.contains("Bearer abc") && text.contains("\"x-region\":\"eu\""),
            "{text}"
        );
        assert!(!text.contains("whsec_"), "{text}");
    }
    let manager = world.key("manager", Some("acme")).await;
    let seen = world.call("GET", &path, &manager, &[], None).await.ok(200);
    assert_eq!(seen["headers"]["Authorization"], "Bearer abc");
}
