//! KonPro: deliveries, and the course of retries, a rotation and a pause.

use std::time::Duration;

use fanfare_app::endpoints::{EndpointDraft, RotationDraft};
use fanfare_dialects::DialectSettings;
use fanfare_domain::delivery::{DeliveryState, FailedReason, StateName};
use fanfare_testkit::builders::acme;
use fanfare_testkit::scripted_sender::Answer;
use serde_json::{Value, json};

use crate::call::publish;
use crate::real::Real;
use crate::verifier::verify;
use crate::virtual_time::{Virtual, minutes, pass, waits};

const ADD: &str = "POST /v1/webhook/endpoint.add";
const LIST: &str = "GET /v1/webhook/endpoint.list";
const UPDATE: &str = "PATCH /v1/webhook/endpoint.update";
const URL: &str = "https://receiver.example/kp";
const SUCCESS: &str = "avatar_video.success";

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[tokio::test]
async fn a_delivery_is_genuine_to_a_verifier_written_from_the_page() {
    let world = Real::new("konpro", &DialectSettings::default()).await;
    let url = world.receiver.url("/kp");
    let added = world
        .api
        .well(200, ADD, &json!({"url": url}).to_string())
        .await;
    let secret = text(&added["secret"]).to_owned();
    let data = r#"{"video_id": "v1",  "title":"caf\u00e9 ☕"}"#;
    publish(&world.fanfare, SUCCESS, data, None).await;

    let arrivals = world.receiver.wait_for(2).await;
    assert_eq!(arrivals[0].method, "OPTIONS");
    let arrival = &arrivals[1];
    assert_eq!(
        (arrival.method.as_str(), arrival.path.as_str()),
        ("POST", "/kp")
    );
    // The data's own bytes, spaces and escapes included.
    let envelope = format!(r#"{{"event_type":"{SUCCESS}","event_data":{data}}}"#);
    assert_eq!(arrival.body, envelope.as_bytes());
    let check = |secret: &str| {
        let given = json!({"secrets": [secret]});
        let (headers, body) = (arrival.headers.clone(), arrival.body.clone());
        async move { verify("konpro", &headers, &body, given).await }
    };
    let event = check(&secret).await.unwrap();
    assert_eq!(event["event_type"], SUCCESS);
    assert_eq!(event["event_data"]["title"], "café ☕");
    assert!(check("whsec_another").await.is_err());
}

#[tokio::test]
async fn the_signature_can_have_another_header() {
    let mut settings = DialectSettings::default();
    settings.own.insert(
        "signature_header".to_owned(),
        "X-KonPro-Signature".to_owned(),
    );
    settings
        .own
        .insert("options_check".to_owned(), "false".to_owned());
    let world = Real::new("konpro", &settings).await;
    let url = world.receiver.url("/kp");
    let added = world
        .api
        .well(200, ADD, &json!({"url": url}).to_string())
        .await;
    publish(&world.fanfare, SUCCESS, "{}", None).await;
    // The check is off, so the delivery is the first request.
    let arrivals = world.receiver.wait_for(1).await;
    let given = json!({"secrets": [added["secret"]], "header": "X-KonPro-Signature"});
    let (headers, body) = (&arrivals[0].headers, &arrivals[0].body);
    assert!(verify("konpro", headers, body, given).await.is_ok());
    assert!(arrivals[0].header("signature").is_none());
}

#[tokio::test(start_paused = true)]
async fn events_are_matched_by_their_whole_names_and_by_their_entity() {
    let world = Virtual::new("konpro").await;
    for (path, more) in [
        ("all", json!({})),
        ("named", json!({"events": [SUCCESS]})),
        ("entity", json!({"entity_id": "project-7"})),
        ("prefix", json!({"events": ["avatar_video"]})),
    ] {
        let mut body = json!({"url": format!("https://receiver.example/{path}")});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        world.api.well(200, ADD, &body.to_string()).await;
    }
    let entity = |id| Some(("entity_id", id));
    publish(&world.fanfare, SUCCESS, "1", None).await;
    publish(&world.fanfare, SUCCESS, "2", entity("project-7")).await;
    publish(
        &world.fanfare,
        "avatar_video.fail",
        "3",
        entity("project-8"),
    )
    .await;
    pass(Duration::from_secs(1)).await;
    let got = |path: &str| {
        let sent = world.posted(&format!("https://receiver.example/{path}"));
        let bodies = sent.iter().map(|sent| sent.body.clone());
        let mut data: Vec<String> = bodies
            .map(|body| serde_json::from_slice::<Value>(&body).unwrap()["event_data"].to_string())
            .collect();
        data.sort();
        data.join(" ")
    };
    assert_eq!(got("all"), "1 2 3");
    assert_eq!(got("named"), "1 2");
    assert_eq!(got("entity"), "2");
    assert_eq!(got("prefix"), "");
}

#[tokio::test(start_paused = true)]
async fn a_failed_delivery_is_sent_again_with_the_same_signature() {
    let world = Virtual::new("konpro").await;
    world
        .api
        .well(200, ADD, &json!({"url": URL}).to_string())
        .await;
    let answers = [410, 302, 500].map(Answer::status);
    world.ground.sender.next(URL, answers);
    publish(&world.fanfare, SUCCESS, "{}", None).await;
    pass(minutes(60)).await;
    let sent = world.posted(URL);
    assert_eq!(waits(&sent), [5, 300, 1800].map(Duration::from_secs));
    assert!(
        sent.iter()
            .all(|each| each.header("signature") == sent[0].header("signature"))
    );
    let list = world.api.well(200, LIST, "").await;
    assert_eq!(list["data"][0]["status"], "enabled");
    let delivered = world.deliveries().await;
    assert_eq!(delivered[0].state.name(), StateName::Delivered);
}

#[tokio::test(start_paused = true)]
async fn used_up_retries_leave_the_endpoint_enabled_although_all_were_410() {
    let world = Virtual::new("konpro").await;
    world
        .api
        .well(200, ADD, &json!({"url": URL}).to_string())
        .await;
    world.ground.sender.always(URL, Answer::status(410));
    publish(&world.fanfare, SUCCESS, "{}", None).await;
    pass(Duration::from_secs(4 * 24 * 3600)).await;
    assert_eq!(world.posted(URL).len(), 10);
    let failed = &world.deliveries().await[0];
    let exhausted = |state| {
        matches!(
            state,
            DeliveryState::Failed {
                reason: FailedReason::Exhausted,
                ..
            }
        )
    };
    assert!(exhausted(failed.state), "{failed:?}");
    let list = world.api.well(200, LIST, "").await;
    assert_eq!(list["data"][0]["status"], "enabled");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_rotated_secret_stops_at_once() {
    let world = Virtual::new("konpro").await;
    let added = world
        .api
        .well(200, ADD, &json!({"url": URL}).to_string())
        .await;
    world.ground.sender.next(URL, [Answer::status(500)]);
    publish(&world.fanfare, SUCCESS, "{}", None).await;
    pass(Duration::from_secs(1)).await;
    let id = world.endpoint().await.id.to_string();
    let draft = RotationDraft::default();
    let rotated = world
        .fanfare
        .rotate_secret(&acme(), &id, draft, Vec::new())
        .await;
    assert_eq!(rotated.unwrap().secrets.len(), 1);
    pass(minutes(1)).await;

    let list = world.api.well(200, LIST, "").await;
    let (old, new) = (&added["secret"], &list["data"][0]["secret"]);
    assert_ne!(old, new);
    assert!(text(new).starts_with("whsec_") && text(new).len() == 38);
    let sent = world.posted(URL);
    for (request, right, wrong) in [(&sent[0], old, new), (&sent[1], new, old)] {
        let check = |secret: &Value| {
            verify(
                "konpro",
                &request.headers,
                &request.body,
                json!({"secrets": [secret]}),
            )
        };
        assert!(check(right).await.is_ok());
        assert!(check(wrong).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_paused_endpoint_gets_nothing_and_keeps_no_backlog() {
    let world = Virtual::new("konpro").await;
    let added = world
        .api
        .well(200, ADD, &json!({"url": URL}).to_string())
        .await;
    world.ground.sender.next(URL, [Answer::status(500)]);
    publish(&world.fanfare, SUCCESS, "1", None).await;
    pass(Duration::from_secs(1)).await;
    let id = world.endpoint().await.id.to_string();
    let set = |enabled| {
        let draft = EndpointDraft {
            url: Some(URL.to_owned()),
            enabled: Some(enabled),
            ..EndpointDraft::default()
        };
        let (fanfare, id) = (world.fanfare.clone(), id.clone());
        async move {
            fanfare
                .replace_endpoint(&acme(), &id, draft, Vec::new())
                .await
                .unwrap()
        }
    };
    set(false).await;
    publish(&world.fanfare, SUCCESS, "2", None).await;
    pass(minutes(60)).await;
    let list = world.api.well(200, LIST, "").await;
    assert_eq!(list["data"][0]["status"], "disabled");
    let update =
        json!({"endpoint_id": added["endpoint_id"], "events": [SUCCESS], "status": "enabled"});
    let updated = world.api.well(200, UPDATE, &update.to_string()).await;
    assert_eq!(updated["status"], "disabled");
    set(true).await;
    publish(&world.fanfare, SUCCESS, "3", None).await;
    pass(minutes(60)).await;
    let bodies: Vec<_> = world
        .posted(URL)
        .iter()
        .map(|sent| sent.body.clone())
        .collect();
    assert_eq!(bodies.len(), 2, "{bodies:?}");
    let list = world.api.well(200, LIST, "").await;
    assert_eq!(list["data"][0]["status"], "enabled");
    let states: Vec<_> = world
        .deliveries()
        .await
        .iter()
        .map(|each| each.state.name())
        .collect();
    assert_eq!(states, [StateName::Delivered, StateName::Discarded]);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_endpoint_gets_nothing_any_more() {
    let world = Virtual::new("konpro").await;
    let added = world
        .api
        .well(200, ADD, &json!({"url": URL}).to_string())
        .await;
    world.ground.sender.next(URL, [Answer::status(500)]);
    publish(&world.fanfare, SUCCESS, "1", None).await;
    pass(Duration::from_secs(1)).await;
    let line = format!(
        "DELETE /v1/webhook/endpoint.delete?endpoint_id={}",
        text(&added["endpoint_id"])
    );
    world.api.well(200, &line, "").await;
    pass(minutes(60)).await;
    assert_eq!(world.posted(URL).len(), 1);
}
