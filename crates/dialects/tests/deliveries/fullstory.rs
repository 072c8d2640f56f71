//! FullStory: deliveries, and the course of retries, a rotation and a pause.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use fanfare_app::Fanfare;
use fanfare_app::endpoints::RotationDraft;
use fanfare_app::event_types::EventTypeDraft;
use fanfare_app::publish::EventDraft;
use fanfare_dialects::DialectSettings;
use fanfare_domain::delivery::{DeliveryState, DiscardedReason, FailedReason, StateName};
use fanfare_domain::event_type::Subcategory;
use fanfare_domain::name::EnvironmentId;
use fanfare_testkit::builders::acme;
use fanfare_testkit::scripted_sender::{Answer, Sent};
use serde_json::{Value, json};

use crate::call::publish;
use crate::real::Real;
use crate::verifier::verify;
use crate::virtual_time::{Virtual, minutes, pass, waits, without_jitter};

const ENDPOINTS: &str = "/webhooks/v1/endpoints";
const CREATE: &str = "POST /webhooks/v1/endpoints";
const URL: &str = "https://receiver.example/fs";
const NOTE: &str = "note.created";
const ORG: &str = "o-TEST1-na1";

fn settings() -> DialectSettings {
    let mut settings = without_jitter();
    settings.own.insert("org_id".to_owned(), ORG.to_owned());
    settings
}

/// A world with an endpoint for notes, and the path of that endpoint.
async fn world() -> (Virtual, String) {
    let world = Virtual::with("fullstory", &settings(), None).await;
    let body = json!({"url": URL, "eventTypes": [{"eventName": NOTE}], "secret": "one"});
    let made = world.api.well(200, CREATE, &body.to_string()).await;
    let path = format!("{ENDPOINTS}/{}", made["id"].as_str().unwrap());
    (world, path)
}

async fn checked(sent: &Sent, secret: &str) -> Result<Value, String> {
    let given = json!({"secret": secret, "org_id": ORG});
    verify("fullstory", &sent.headers, &sent.body, given).await
}

/// Whether a receiver that writes the body again comes to the same signature.
fn rewritten_is_genuine(signature: &str, body: &str, secret: &str) -> bool {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifiers/fullstory.mjs");
    let mut child = Command::new("node")
        .arg(script)
        .stdin(Stdio::piped())
        .spawn()
        .expect("node runs");
    let given = json!({"signature": signature, "body": body, "secret": secret});
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(given.to_string().as_bytes()).unwrap();
    drop(stdin);
    child.wait().unwrap().success()
}

#[tokio::test]
async fn a_delivery_is_genuine_to_receivers_that_keep_the_body_and_that_write_it_again() {
    let world = Real::new("fullstory", &settings()).await;
    let url = world.receiver.url("/fs");
    let body = json!({"url": url, "eventTypes": [{"eventName": NOTE}], "secret": "s3cr3t ☕"});
    world.api.well(200, CREATE, &body.to_string()).await;
    let data = r#"{ "text" : "caf\u00e9 \/ \ud83d\ude00 \ud83d", "b": 1.50, "10": 1E2, "2": 9007199254740993,
        "b": -0, "list": [ 1e21, 1e400, 0.0000001 ] }"#;
    publish(&world.fanfare, NOTE, data, None).await;

    let arrivals = world.receiver.wait_for(1).await;
    let arrival = &arrivals[0];
    assert_eq!(
        (arrival.method.as_str(), arrival.path.as_str()),
        ("POST", "/fs")
    );
    let expected = r#"{"eventName":"note.created","version":1,"data":{"2":9007199254740992,"10":100,"text":"café / 😀 \ud83d","b":0,"list":[1e+21,null,1e-7]}}"#;
    let body = std::str::from_utf8(&arrival.body).unwrap();
    assert_eq!(body, expected);
    for (secret, genuine) in [("s3cr3t ☕", true), ("another", false)] {
        let given = json!({"secret": secret, "org_id": ORG});
        let event = verify("fullstory", &arrival.headers, &arrival.body, given).await;
        assert_eq!(event.is_ok(), genuine, "{event:?}");
        let signature = arrival.header("fullstory-signature").unwrap();
        assert_eq!(rewritten_is_genuine(signature, body, secret), genuine);
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_secret_there_is_no_signature_until_one_is_set() {
    let world = Virtual::with("fullstory", &settings(), None).await;
    let body = json!({"url": URL, "eventTypes": [{"eventName": NOTE}]});
    let made = world.api.well(200, CREATE, &body.to_string()).await;
    publish(&world.fanfare, NOTE, "{}", None).await;
    pass(minutes(1)).await;
    let update = format!("POST {ENDPOINTS}/{}", made["id"].as_str().unwrap());
    world.api.well(200, &update, r#"{"secret":"set"}"#).await;
    publish(&world.fanfare, NOTE, "{}", None).await;
    pass(minutes(1)).await;
    let sent = world.posted(URL);
    assert!(!sent[0].headers.contains_key("fullstory-signature"));
    assert!(checked(&sent[1], "set").await.is_ok());
}

/// Publishes an event with a subcategory, or none.
async fn publish_kind(fanfare: &Fanfare, event_type: &str, kind: Option<&str>, data: &'static str) {
    let draft = EventDraft {
        event_type: Some(event_type.to_owned()),
        subcategory: kind.map(str::to_owned),
        data: Some(Bytes::from_static(data.as_bytes())),
        ..EventDraft::default()
    };
    fanfare.publish(acme(), draft, None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn events_are_matched_by_their_names_and_subcategories() {
    let world = Virtual::with("fullstory", &settings(), None).await;
    let home = EnvironmentId::default_environment();
    let kind = |value: &str| Subcategory {
        value: value.to_owned(),
        display_name: value.to_uppercase(),
    };
    let draft = EventTypeDraft {
        subcategories: Some(vec![kind("a"), kind("b")]),
        ..EventTypeDraft::default()
    };
    let alert = "metric.alert";
    let replaced = world
        .fanfare
        .replace_event_type(&home, alert, draft, Vec::new())
        .await;
    replaced.unwrap();
    for (path, types) in [
        ("none", json!([])),
        ("note", json!([{"eventName": NOTE}])),
        ("a", json!([{"event_name": alert, "subcategory": "a"}])),
        (
            "both",
            json!([{"eventName": alert, "subcategory": "b"}, {"eventName": NOTE}]),
        ),
    ] {
        let url = format!("https://receiver.example/{path}");
        let body = json!({"url": url, "eventTypes": types});
        world.api.well(200, CREATE, &body.to_string()).await;
    }
    publish_kind(&world.fanfare, NOTE, None, "1").await;
    publish_kind(&world.fanfare, alert, Some("a"), "2").await;
    publish_kind(&world.fanfare, alert, Some("b"), "3").await;
    publish_kind(&world.fanfare, alert, None, "4").await;
    publish_kind(&world.fanfare, "segment.created", None, "5").await;
    pass(minutes(1)).await;
    let got = |path: &str| {
        let sent = world.posted(&format!("https://receiver.example/{path}"));
        let data = |sent: &Sent| {
            let event: Value = serde_json::from_slice(&sent.body).unwrap();
            event["data"].to_string()
        };
        let mut data: Vec<String> = sent.iter().map(data).collect();
        data.sort();
        data.join(" ")
    };
    assert_eq!(got("none"), "");
    assert_eq!(got("note"), "1");
    assert_eq!(got("a"), "2");
    assert_eq!(got("both"), "1 3");
}

#[tokio::test(start_paused = true)]
async fn a_failed_delivery_is_sent_again_signed_anew() {
    let (world, path) = world().await;
    let answers = [410, 302, 500].map(Answer::status);
    world.ground.sender.next(URL, answers);
    publish(&world.fanfare, NOTE, "{}", None).await;
    pass(minutes(60)).await;
    let sent = world.posted(URL);
    assert_eq!(waits(&sent), [5, 300, 1800].map(Duration::from_secs));
    for each in &sent {
        let event = checked(each, "one").await.unwrap();
        assert_eq!(event["t"], each.at.seconds());
    }
    let shown = world.api.well(200, &format!("GET {path}"), "").await;
    assert_eq!(shown["enabled"], true);
    let state = world.deliveries().await[0].state.name();
    assert_eq!(state, StateName::Delivered);
}

#[tokio::test(start_paused = true)]
async fn used_up_retries_leave_the_endpoint_enabled_although_all_were_410() {
    let (world, path) = world().await;
    world.ground.sender.always(URL, Answer::status(410));
    publish(&world.fanfare, NOTE, "{}", None).await;
    pass(Duration::from_secs(4 * 24 * 3600)).await;
    assert_eq!(world.posted(URL).len(), 10);
    let failed = &world.deliveries().await[0];
    let reason = FailedReason::Exhausted;
    assert!(
        matches!(failed.state, DeliveryState::Failed { reason: r, .. } if r == reason),
        "{failed:?}"
    );
    let shown = world.api.well(200, &format!("GET {path}"), "").await;
    assert_eq!(shown["enabled"], true);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_new_secret_signs_alone_at_once_by_either_door() {
    let (world, path) = world().await;
    world
        .ground
        .sender
        .next(URL, [500, 500].map(Answer::status));
    publish(&world.fanfare, NOTE, "{}", None).await;
    pass(Duration::from_secs(1)).await;
    let update = format!("POST {path}");
    world.api.well(200, &update, r#"{"secret":"two"}"#).await;
    pass(minutes(1)).await;
    let id = world.endpoint().await.id.to_string();
    let draft = RotationDraft {
        overlap: Some(minutes(60)),
        ..RotationDraft::default()
    };
    let rotated = world
        .fanfare
        .rotate_secret(&acme(), &id, draft, Vec::new())
        .await
        .unwrap();
    assert_eq!(rotated.secrets.len(), 1);
    pass(minutes(10)).await;
    let sent = world.posted(URL);
    let fresh = rotated.secrets[0].text.as_str();
    for (request, right, wrong) in [
        (&sent[0], "one", "two"),
        (&sent[1], "two", "one"),
        (&sent[2], fresh, "two"),
    ] {
        assert!(checked(request, right).await.is_ok());
        assert!(checked(request, wrong).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_disabled_endpoint_gets_nothing_and_keeps_no_backlog() {
    let (world, path) = world().await;
    let update = format!("POST {path}");
    world.ground.sender.next(URL, [Answer::status(500)]);
    publish(&world.fanfare, NOTE, "1", None).await;
    pass(Duration::from_secs(1)).await;
    let shown = world.api.well(200, &update, r#"{"disabled":true}"#).await;
    assert_eq!(shown["enabled"], false);
    publish(&world.fanfare, NOTE, "2", None).await;
    pass(minutes(60)).await;
    // A rotation enables it too.
    let shown = world.api.well(200, &update, r#"{"secret":"two"}"#).await;
    assert_eq!(shown["enabled"], true);
    publish(&world.fanfare, NOTE, "3", None).await;
    pass(minutes(60)).await;
    let sent = world.posted(URL);
    assert_eq!(sent.len(), 2);
    assert!(sent[1].body.ends_with(b"\"data\":3}"));
    let states: Vec<_> = world.deliveries().await;
    let states: Vec<_> = states.iter().map(|each| each.state).collect();
    assert_eq!(states[0].name(), StateName::Delivered);
    let reason = DiscardedReason::EndpointDisabled;
    assert!(matches!(states[1], DeliveryState::Discarded { reason: r, .. } if r == reason));
}

#[tokio::test(start_paused = true)]
async fn what_waits_follows_the_endpoint_to_its_new_url() {
    let (world, path) = world().await;
    world.ground.sender.always(URL, Answer::status(500));
    publish(&world.fanfare, NOTE, "{}", None).await;
    pass(Duration::from_secs(1)).await;
    let moved = "https://moved.example/fs";
    let body = json!({"url": moved}).to_string();
    let shown = world.api.well(200, &format!("POST {path}"), &body).await;
    assert_ne!(
        format!("{ENDPOINTS}/{}", shown["id"].as_str().unwrap()),
        path
    );
    pass(minutes(1)).await;
    assert_eq!((world.posted(URL).len(), world.posted(moved).len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_deleted_endpoint_is_dropped() {
    let (world, path) = world().await;
    world.ground.sender.always(URL, Answer::status(500));
    publish(&world.fanfare, NOTE, "{}", None).await;
    pass(Duration::from_secs(1)).await;
    world.api.well(200, &format!("DELETE {path}"), "").await;
    pass(minutes(60)).await;
    assert_eq!(world.posted(URL).len(), 1);
    let state = world.deliveries().await[0].state.name();
    assert_eq!(state, StateName::Discarded);
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_an_operation_comes_back_when_the_answer_said() {
    let world = Virtual::with("fullstory", &settings(), Some(2)).await;
    let list = format!("GET {ENDPOINTS}");
    for _ in 0..2 {
        world.api.well(200, &list, "").await;
    }
    let refused = world.api.call(&list, "").await;
    assert_eq!(refused.status, 429);
    let wait: u64 = refused.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(wait, 30);
    pass(Duration::from_secs(wait - 1)).await;
    assert_eq!(world.api.call(&list, "").await.status, 429);
    pass(Duration::from_secs(1)).await;
    world.api.well(200, &list, "").await;
}
