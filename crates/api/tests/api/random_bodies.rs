//! Whatever JSON comes in: never a 5xx, and a refused request changes nothing.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

use crate::world::{ROOT, World};

/// Names that the forms have, so that chance gets past the first check.
const NAMES: [&str; 24] = [
    "id",
    "name",
    "metadata",
    "schema",
    "example",
    "subcategories",
    "retired_at",
    "url",
    "description",
    "event_types",
    "attributes",
    "headers",
    "delivery_policy",
    "signature",
    "secret",
    "enabled",
    "type",
    "data",
    "subcategory",
    "tenant",
    "role",
    "events",
    "overlap",
    "waits",
];

/// Values that the forms take in some place.
fn leaves() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop_oneof![
            Just(json!("acme")),
            Just(json!("invoice.paid")),
            Just(json!("invoice.*")),
            Just(json!("https://example.com/")),
            Just(json!("http://127.0.0.1/")),
            Just(json!("admin")),
            Just(json!("v1a")),
            Just(json!("99999999999999999999d")),
            Just(json!("15s")),
            Just(json!("2030-01-01T00:00:00Z")),
            Just(json!("9999-12-31T23:59:59Z")),
            Just(json!({"$ref": "#"})),
            Just(json!({"type": "object", "pattern": "(a+)+$"})),
        ],
    ]
}

fn bodies() -> impl Strategy<Value = Value> {
    let name = || {
        prop_oneof![
            9 => prop::sample::select(&NAMES[..]).prop_map(str::to_owned),
            1 => ".{0,8}",
        ]
    };
    leaves().prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            3 => prop::collection::vec((name(), inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

#[test]
fn any_json_is_answered_and_a_refused_one_changes_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let world = runtime.block_on(World::furnished());
    let endpoint = runtime.block_on(world.endpoint());
    let calls = [
        ("POST", "/v1/environments".to_owned()),
        ("POST", "/v1/keys".to_owned()),
        ("POST", "/v1/tenants".to_owned()),
        ("PUT", "/v1/tenants/acme".to_owned()),
        ("PATCH", "/v1/tenants/acme".to_owned()),
        ("POST", "/v1/event-types".to_owned()),
        ("PUT", "/v1/event-types/invoice.paid".to_owned()),
        ("PATCH", "/v1/event-types/invoice.paid".to_owned()),
        ("POST", "/v1/tenants/acme/endpoints".to_owned()),
        ("PUT", endpoint.clone()),
        ("PATCH", endpoint.clone()),
        ("POST", format!("{endpoint}/secrets/rotate")),
        ("POST", format!("{endpoint}/test")),
        ("POST", "/v1/tenants/acme/events".to_owned()),
        ("POST", "/v1/events/batch".to_owned()),
    ];
    let mut runner = TestRunner::new(Config::with_cases(1_500));
    let call = prop::sample::select(calls.to_vec());
    runner
        .run(&(call, bodies()), |((method, path), body)| {
            runtime.block_on(async {
                let before = world.everything().await;
                let text = body.to_string();
                let answer = world
                    .call(method, &path, ROOT, &[], Some(text.as_bytes()))
                    .await;
                let status = answer.status.as_u16();
                prop_assert!(
                    status < 500,
                    "{} {} {} {}",
                    method,
                    path,
                    text,
                    answer.text()
                );
                if status >= 400 {
                    answer.problem(status);
                    prop_assert_eq!(world.everything().await, before);
                }
                Ok(())
            })
        })
        .unwrap();
}
