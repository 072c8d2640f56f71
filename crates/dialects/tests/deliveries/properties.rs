//! Whatever a body holds: never an answer of 5xx, and after one of 4xx everything is as before.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value};
use tokio::runtime::{Builder, Runtime};

use crate::virtual_time::Virtual;

/// JSON of any shape, with names and values that mean something to a dialect among the rest.
fn json(words: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        proptest::sample::select(words).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, move |inner| {
        let name = prop_oneof![
            4 => proptest::sample::select(words).prop_map(str::to_owned),
            1 => ".{0,8}",
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((name, inner), 0..6)
                .prop_map(|pairs| Value::from(Map::from_iter(pairs))),
        ]
    })
}

/// Bodies: JSON mostly, any bytes, and JSON that breaks off.
fn body(words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => json(words).prop_map(|value| value.to_string().into_bytes()),
        1 => proptest::collection::vec(any::<u8>(), 0..64),
        1 => (json(words), any::<prop::sample::Index>()).prop_map(|(value, place)| {
            let text = value.to_string().into_bytes();
            text[..place.index(text.len())].to_vec()
        }),
    ]
}

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
}

/// Sends bodies to operations; `list` shows everything that they could change.
fn hold(
    name: &str,
    words: &'static [&'static str],
    first: (&str, &str),
    operations: &[&str],
    list: &str,
) {
    let runtime = runtime();
    let world = runtime.block_on(Virtual::new(name));
    let made = runtime.block_on(world.api.call(first.0, first.1.to_owned()));
    let made = made.json();
    let places = ["/endpoint_id", "/data/id", "/id", "/_id"];
    let id = places
        .iter()
        .find_map(|place| made.pointer(place)?.as_str());
    let id = id.unwrap().to_owned();
    let operations: Vec<String> = operations
        .iter()
        .map(|line| line.replace("ID", &id))
        .collect();
    let mut runner = TestRunner::new(Config {
        cases: 400,
        failure_persistence: None,
        ..Config::default()
    });
    let cases = (proptest::sample::select(operations), body(words));
    let result = runner.run(&cases, |(line, mut body)| {
        // So that some bodies name the endpoint that there is.
        if let Ok(text) = std::str::from_utf8(&body) {
            body = text.replace("THE-ID", &id).into_bytes();
        }
        runtime.block_on(async {
            let before = world.api.call(list, "").await.text;
            let reply = world.api.call(&line, body).await;
            prop_assert!(reply.status < 500, "{reply:?}");
            if reply.status >= 400 {
                let after = world.api.call(list, "").await.text;
                prop_assert_eq!(before, after);
                prop_assert!(reply.json().is_object());
            }
            Ok(())
        })
    });
    result.unwrap();
}

#[test]
fn any_query_is_answered_without_5xx() {
    const NAMES: &[&str] = &[
        "endpoint_id",
        "facilitiesIds[]",
        "eventType",
        "startDate",
        "endDate",
        "limit",
        "offset",
        "sortDirection",
        "paginationToken",
        "version",
        "iterator",
        "order",
        "before",
        "after",
        "event_types",
        "with_content",
        "include_archived",
    ];
    let operations = [
        ("konpro", "DELETE /v1/webhook/endpoint.delete"),
        ("konpro", "GET /v1/webhook/endpoint.list"),
        ("nursa", "GET /api/v2/public/webhooks/logs"),
        ("fullstory", "GET /webhooks/v1/endpoints"),
        (
            "fullstory",
            "GET /webhooks/v1/event-types/metric.alert/subcategories",
        ),
        (
            "fullstory",
            "GET /webhooks/v1/event-types/metric.alert/sample",
        ),
        ("collect", "GET /v1/webhooks"),
        ("svix", "GET /api/v1/app/acme/endpoint"),
        ("svix", "GET /api/v1/app/acme/msg"),
        ("svix", "GET /api/v1/event-type"),
    ];
    for (name, line) in operations {
        let runtime = runtime();
        let world = runtime.block_on(Virtual::new(name));
        let mut runner = TestRunner::new(Config {
            cases: 300,
            failure_persistence: None,
            ..Config::default()
        });
        let pair = (proptest::sample::select(NAMES), "[0-9A-Za-z%:.+=-]{0,24}");
        let query = proptest::collection::vec(pair, 0..6);
        let result = runner.run(&query, |pairs| {
            let pairs: Vec<_> = pairs
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let line = format!("{line}?{}", pairs.join("&"));
            let reply = runtime.block_on(world.api.call(&line, ""));
            prop_assert!(reply.status < 500, "{line}: {reply:?}");
            Ok(())
        });
        result.unwrap();
    }
}

#[test]
fn konpro_holds_against_any_body() {
    hold(
        "konpro",
        &[
            "url",
            "events",
            "entity_id",
            "endpoint_id",
            "THE-ID",
            "a.b",
            "https://a.example/",
            "http://a.example/",
        ],
        (
            "POST /v1/webhook/endpoint.add",
            r#"{"url":"https://a.example/"}"#,
        ),
        &[
            "POST /v1/webhook/endpoint.add",
            "PATCH /v1/webhook/endpoint.update",
        ],
        "GET /v1/webhook/endpoint.list",
    );
}

#[test]
fn nursas_user_webhooks_hold_against_any_body() {
    hold(
        "nursa",
        &[
            "url",
            "events",
            "secrets",
            "facilities",
            "all",
            "facility.creation.accepted",
            "https://a.example/",
            "http://a.example/",
        ],
        (
            "POST /api/v2/public/webhooks/user",
            r#"{"url":"https://a.example/","events":["all"]}"#,
        ),
        &[
            "POST /api/v2/public/webhooks/user",
            "PATCH /api/v2/public/webhooks/user/ID",
        ],
        "GET /api/v2/public/webhooks/user",
    );
}

#[test]
fn nursas_facility_webhooks_hold_against_any_body() {
    hold(
        "nursa",
        &[
            "url",
            "events",
            "secrets",
            "facilities",
            "all",
            "shift.created",
            "https://a.example/",
            "P-1",
        ],
        (
            "POST /api/v2/public/webhooks/facility",
            r#"{"url":"https://a.example/","events":["all"]}"#,
        ),
        &[
            "POST /api/v2/public/webhooks/facility",
            "PATCH /api/v2/public/webhooks/facility/ID",
        ],
        "GET /api/v2/public/webhooks/facility",
    );
}

#[test]
fn fullstory_holds_against_any_body() {
    hold(
        "fullstory",
        &[
            "url",
            "eventTypes",
            "event_types",
            "eventName",
            "event_name",
            "subcategory",
            "secret",
            "disabled",
            "note.created",
            "metric.alert",
            "https://a.example/",
            "http://b.example/",
        ],
        (
            "POST /webhooks/v1/endpoints",
            r#"{"url":"https://a.example/"}"#,
        ),
        &[
            "POST /webhooks/v1/endpoints",
            "POST /webhooks/v1/endpoints/ID",
        ],
        "GET /webhooks/v1/endpoints",
    );
}

#[test]
fn collect_holds_against_any_body() {
    hold(
        "collect",
        &[
            "targetUrl",
            "types",
            "campaignId",
            "secretToken",
            "status",
            "active",
            "paused",
            "created",
            "portalSubmited",
            "https://a.example/",
            "http://b.example/",
        ],
        ("POST /v1/webhooks", r#"{"targetUrl":"https://a.example/"}"#),
        &["POST /v1/webhooks", "POST /v1/webhooks/ID"],
        "GET /v1/webhooks",
    );
}

#[test]
fn svix_holds_against_any_body() {
    const ENDPOINT: &str = "/api/v1/app/acme/endpoint";
    let operations = [
        format!("POST {ENDPOINT}"),
        format!("PUT {ENDPOINT}/ID"),
        format!("PATCH {ENDPOINT}/ID"),
        format!("PUT {ENDPOINT}/ID/headers"),
        format!("PATCH {ENDPOINT}/ID/headers"),
        format!("POST {ENDPOINT}/ID/secret/rotate"),
        format!("POST {ENDPOINT}/ID/recover"),
    ];
    let operations: Vec<&str> = operations.iter().map(String::as_str).collect();
    hold(
        "svix",
        &[
            "url",
            "description",
            "disabled",
            "version",
            "uid",
            "throttleRate",
            "rateLimit",
            "eventTypes",
            "filterTypes",
            "channels",
            "secret",
            "metadata",
            "headers",
            "deleteHeaders",
            "key",
            "gracePeriodSeconds",
            "since",
            "until",
            "whsec_ZmFuZmFyZS1kZW1vLXNlY3JldC0wMDAwMDE=",
            "2026-09-21T14:13:20Z",
            "https://a.example/",
            "http://10.0.0.1/",
        ],
        (
            "POST /api/v1/app/acme/endpoint",
            r#"{"url":"https://a.example/"}"#,
        ),
        &operations,
        "GET /api/v1/app/acme/endpoint?limit=250",
    );
}
