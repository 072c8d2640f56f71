//! What a body must be, and what is said of one that is wrong.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::Request;
use serde_json::json;

use crate::world::{ROOT, World};

const CALLS: [&str; 4] = [
    "/v1/tenants",
    "/v1/tenants/acme/endpoints",
    "/v1/tenants/acme/events",
    "/v1/events/batch",
];

#[tokio::test]
async fn what_is_no_json_or_nested_too_deeply_is_a_400() {
    let world = World::furnished().await;
    let before = world.everything().await;
    let deep = format!(
        "{{\"type\":\"invoice.paid\",\"data\":{}1{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let unclosed = "{\"data\":".repeat(20_000);
    let twice = r#"{"name":"a","name":"b","type":"a","type":"b","url":"a","url":"b","events":[],"events":[]}"#;
    for path in CALLS {
        for body in [
            "",
            "{",
            "nul",
            "{\"a\":1,}",
            "\u{0}",
            &deep,
            &unclosed,
            twice,
        ] {
            let answer = world
                .call("POST", path, ROOT, &[], Some(body.as_bytes()))
                .await;
            let problem = answer.problem(400);
            assert_eq!(problem["type"], "urn:fanfare:problem:malformed-body");
        }
        let answer = world
            .call("POST", path, ROOT, &[], Some(b"{\"\xff\":1}"))
            .await;
        answer.problem(400);
    }
    assert_eq!(world.everything().await, before);
}

#[tokio::test]
async fn json_that_is_no_object_is_a_422() {
    let world = World::furnished().await;
    for path in CALLS {
        for body in ["[]", "7", "\"x\"", "null", "[\"invoice.paid\",{}]"] {
            let answer = world
                .call("POST", path, ROOT, &[], Some(body.as_bytes()))
                .await;
            answer.problem(422);
            assert_eq!(answer.faults(), ["#"], "{path} {body}");
        }
    }
}

#[tokio::test]
async fn a_form_is_told_to_send_json() {
    let world = World::furnished().await;
    for (kind, status) in [
        (Some("application/x-www-form-urlencoded"), 415),
        (Some("text/plain"), 415),
        (Some("application/json-seq"), 415),
        (Some("application/json; charset=utf-8"), 201),
        (Some("APPLICATION/JSON"), 201),
        (Some("application/vnd.api+json"), 201),
        (None, 201),
    ] {
        let mut request =
            Request::post("/v1/tenants").header("authorization", format!("Bearer {ROOT}"));
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let answer = world
            .send(request.body(Body::from(r#"{"name":"x"}"#)).unwrap())
            .await;
        assert_eq!(answer.status.as_u16(), status, "{kind:?}");
        if status == 415 {
            let problem = answer.problem(415);
            assert!(
                problem["detail"]
                    .as_str()
                    .unwrap()
                    .contains("application/json")
            );
        }
    }
}

#[tokio::test]
async fn a_packed_body_is_told_to_come_plain() {
    let world = World::furnished().await;
    for (encoding, status) in [("gzip", 415), ("br, gzip", 415), ("identity", 201)] {
        let headers = [("content-encoding", encoding)];
        let body = Some(&br#"{"name":"x"}"#[..]);
        let answer = world
            .call("POST", "/v1/tenants", ROOT, &headers, body)
            .await;
        assert_eq!(answer.status.as_u16(), status, "{encoding}");
    }
}

#[tokio::test]
async fn a_body_past_the_bound_is_not_read() {
    let world = World::furnished().await;
    for (path, most) in [("/v1/tenants", 256 << 10), ("/v1/events/batch", 4 << 20)] {
        // Announced: refused before a byte of it is read.
        let request = Request::post(path)
            .header("authorization", format!("Bearer {ROOT}"))
            .header("content-length", "10000000000")
            .body(Body::empty());
        world.send(request.unwrap()).await.problem(413);
        // Not announced: read up to the bound.
        let request = Request::post(path).header("authorization", format!("Bearer {ROOT}"));
        let body = Body::from(vec![b' '; most + 1]);
        world.send(request.body(body).unwrap()).await.problem(413);
    }
}

/// A body that never comes.
struct Never;

impl http_body::Body for Never {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        Poll::Pending
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_in_is_a_408() {
    let world = World::furnished().await;
    for path in CALLS {
        let request = Request::post(path).header("authorization", format!("Bearer {ROOT}"));
        let answer = world.send(request.body(Body::new(Never)).unwrap()).await;
        answer.problem(408);
    }
}

#[tokio::test]
async fn all_that_is_wrong_is_told_at_once() {
    let world = World::furnished().await;
    let before = world.everything().await;
    let wrong = json!({
        "url": "http://user:password@/",
        "description": 7,
        "event_types": ["invoice.paid", "no.such", {"type": "invoice.paid"}, 3],
        "attributes": {"region": [1]},
        "headers": {"Host": "x", "x": "a\r\nb"},
        "metadata": {"a": 1},
        "delivery_policy": {"timeout": "15", "waits": ["soon"], "jitter": 2, "tries": 3},
        "signature": "v2",
        "enabled": "yes",
        "rate_limit": 10,
    });
    let answer = world.post("/v1/tenants/acme/endpoints", wrong).await;
    answer.problem(422);
    let faults = answer.faults();
    for place in [
        "#/url",
        "#/description",
        "#/event_types/3",
        "#/attributes/region/0",
        "#/headers/Host",
        "#/headers/x",
        "#/metadata/a",
        "#/delivery_policy/timeout",
        "#/delivery_policy/waits/0",
        "#/delivery_policy/tries",
        "#/signature",
        "#/enabled",
        "#/rate_limit",
    ] {
        assert!(
            faults.contains(&place.to_owned()),
            "{place} is not in {}",
            answer.text()
        );
    }
    let text = answer.text();
    assert!(text.contains("is not a known field; known are "), "{text}");
    assert!(!text.contains("password"), "{text}");
    assert_eq!(world.everything().await, before);
}

#[tokio::test]
async fn a_place_has_one_fault() {
    let world = World::furnished().await;
    let answer = world
        .post("/v1/tenants", json!({"name": 7, "id": ["x"]}))
        .await;
    answer.problem(422);
    assert_eq!(answer.faults(), ["#/id", "#/name"], "{}", answer.text());
    let answer = world.post("/v1/tenants", json!({})).await;
    assert_eq!(answer.faults(), ["#/name"], "{}", answer.text());
    assert_eq!(answer.json()["detail"], "#/name: is required");
}

#[tokio::test]
async fn unknown_paths_and_methods_have_problem_documents() {
    let world = World::furnished().await;
    for path in [
        "/",
        "/v1",
        "/v1/nothing",
        "/v2/tenants",
        "/v1/tenants/acme/endpoints/x/y",
    ] {
        world.get(path).await.problem(404);
    }
    let answer = world.delete("/v1/tenants").await;
    answer.problem(405);
    let allow = answer.headers["allow"].to_str().unwrap().to_owned();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    // Bytes that are no text name nothing.
    world.get("/v1/tenants/%ff").await.problem(404);
    world.get("/v1/tenants/%00").await.problem(404);
    world.get("/v1/event-types/a%2Fb").await.problem(404);
}

#[tokio::test]
async fn a_closed_store_is_a_503_that_says_when_to_come_again() {
    let mut world = World::furnished().await;
    world.close_store().await;
    for answer in [
        world.get("/v1/tenants/acme").await,
        world.post("/v1/tenants", json!({"name": "x"})).await,
        world
            .post(
                "/v1/tenants/acme/events",
                json!({"type": "invoice.paid", "data": 1}),
            )
            .await,
    ] {
        answer.problem(503);
        assert_eq!(answer.headers["retry-after"], "1");
        assert!(!answer.text().contains("sqlite"), "{}", answer.text());
    }
}
