//! Collect: deliveries, and the course of a day's retries, a rotation and a pause.

use std::time::Duration;

use fanfare_app::endpoints::RotationDraft;
use fanfare_app::port::Deliveries;
use fanfare_dialects::DialectSettings;
use fanfare_domain::delivery::{DeliveryState, DiscardedReason, FailedReason, StateName};
use fanfare_testkit::builders::acme;
use fanfare_testkit::scripted_sender::{Answer, Sent};
use serde_json::{Value, json};

use crate::call::publish;
use crate::real::Real;
use crate::verifier::verify;
use crate::virtual_time::{Virtual, minutes, pass, waits};

const ADD: &str = "POST /v1/webhooks";
const URL: &str = "https://receiver.example/c";
const UPLOADED: &str = "docUploaded";
const HOUR: Duration = minutes(60);

/// A world with a webhook, and the path of it.
async fn world() -> (Virtual, String) {
    let world = Virtual::new("collect").await;
    let body = json!({"targetUrl": URL, "secretToken": "one"});
    let path = added(&world, &body).await;
    (world, path)
}

/// Adds a webhook; answers its path.
async fn added(world: &Virtual, body: &Value) -> String {
    let made = world.api.well(200, ADD, &body.to_string()).await;
    format!("/v1/webhooks/{}", made["_id"].as_str().unwrap())
}

async fn status(world: &Virtual, path: &str) -> String {
    let shown = world.api.well(200, &format!("GET {path}"), "").await;
    shown["status"].as_str().unwrap().to_owned()
}

fn data(sent: &Sent) -> String {
    let event: Value = serde_json::from_slice(&sent.body).unwrap();
    event["data"].to_string()
}

#[tokio::test]
async fn a_delivery_is_genuine_to_a_verifier_written_from_the_page() {
    let world = Real::new("collect", &DialectSettings::default()).await;
    let body = json!({"targetUrl": world.receiver.url("/c"), "secretToken": "Bearer a b"});
    let made = world.api.well(200, ADD, &body.to_string()).await;
    let given = r#"{"document": "d1",  "title":"caf\u00e9 ☕"}"#;
    let campaign = Some(("campaign_id", "sGyGrNPDxQDy6ZRAm"));
    publish(&world.fanfare, UPLOADED, given, campaign).await;

    let arrivals = world.receiver.wait_for(1).await;
    let arrival = &arrivals[0];
    assert_eq!(
        (arrival.method.as_str(), arrival.path.as_str()),
        ("POST", "/c")
    );
    let check = |token: &str| {
        let known = json!({"token": token});
        let (headers, body) = (arrival.headers.clone(), arrival.body.clone());
        async move { verify("collect", &headers, &body, known).await }
    };
    assert!(check("Bearer a").await.is_err());
    let event = check("Bearer a b").await.unwrap();
    // The data's own bytes, spaces and escapes included.
    let (id, time) = (
        made["_id"].as_str().unwrap(),
        event["createdAt"].as_str().unwrap(),
    );
    let envelope = format!(
        r#"{{"type":"{UPLOADED}","webhookId":"{id}","createdAt":"{time}","campaignId":"sGyGrNPDxQDy6ZRAm","data":{given}}}"#
    );
    assert_eq!(String::from_utf8_lossy(&arrival.body), envelope);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_never_kept_in_the_log_whatever_its_header_is_called() {
    let mut settings = DialectSettings::default();
    settings
        .own
        .insert("token_header".to_owned(), "X-Hook".to_owned());
    let world = Virtual::with("collect", &settings, None).await;
    added(
        &world,
        &json!({"targetUrl": URL, "secretToken": "hush hush"}),
    )
    .await;
    publish(&world.fanfare, UPLOADED, "{}", None).await;
    pass(minutes(2)).await;
    assert_eq!(world.posted(URL)[0].header("x-hook"), "hush hush");
    let delivery = world.deliveries().await[0].id;
    let attempts = world
        .ground
        .store
        .attempts(&acme(), delivery.attempt(0), 100)
        .await
        .unwrap();
    assert!(!format!("{attempts:?}").contains("hush"), "{attempts:?}");
}

#[tokio::test(start_paused = true)]
async fn events_are_matched_by_their_names_and_campaigns() {
    let world = Virtual::new("collect").await;
    for (path, more) in [
        ("all", json!({})),
        ("named", json!({"types": [UPLOADED]})),
        ("campaign", json!({"campaignId": "c1"})),
        ("both", json!({"types": ["smsSent"], "campaignId": "c1"})),
    ] {
        let mut body = json!({"targetUrl": format!("https://receiver.example/{path}")});
        let more = more.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(more);
        added(&world, &body).await;
    }
    let campaign = |id| Some(("campaign_id", id));
    publish(&world.fanfare, UPLOADED, "1", None).await;
    publish(&world.fanfare, UPLOADED, "2", campaign("c1")).await;
    publish(&world.fanfare, "smsSent", "3", campaign("c1")).await;
    publish(&world.fanfare, "smsSent", "4", campaign("c2")).await;
    pass(minutes(1)).await;
    let got = |path: &str| {
        let sent = world.posted(&format!("https://receiver.example/{path}"));
        let mut data: Vec<String> = sent.iter().map(data).collect();
        data.sort();
        data.join(" ")
    };
    assert_eq!(got("all"), "1 2 3 4");
    assert_eq!(got("named"), "1 2");
    assert_eq!(got("campaign"), "2 3");
    assert_eq!(got("both"), "3");
    // Events without a campaign have no such member.
    let sent = world.posted("https://receiver.example/named");
    let with = sent
        .iter()
        .filter(|sent| sent.body.windows(10).any(|part| part == b"campaignId"));
    assert_eq!(with.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_day_of_retries_that_double_ends_with_a_pause_and_active_begins_afresh() {
    let (world, path) = world().await;
    // No page gives 410 or `Retry-After` a meaning.
    let answer = Answer::status(410).header("retry-after", "86400");
    world.ground.sender.always(URL, answer);
    publish(&world.fanfare, UPLOADED, "1", None).await;
    pass(12 * HOUR).await;
    // One more, whose own day ends later.
    publish(&world.fanfare, UPLOADED, "2", None).await;
    pass(10 * HOUR).await;
    assert_eq!(status(&world, &path).await, "active");
    // The attempt after this one would come too late.
    pass(HOUR).await;
    assert_eq!(status(&world, &path).await, "paused");

    let first: Vec<Sent> = world.posted(URL);
    let first: Vec<Sent> = first.into_iter().filter(|sent| data(sent) == "1").collect();
    let mut expected: Vec<u64> = (0..8).map(|power| 30 << power).collect();
    let longest = 2 * 3600;
    while expected.iter().sum::<u64>() + longest <= 24 * 3600 {
        expected.push(longest);
    }
    let expected: Vec<Duration> = expected.into_iter().map(Duration::from_secs).collect();
    assert_eq!(waits(&first), expected);
    let states: Vec<_> = world.deliveries().await;
    let states: Vec<_> = states.iter().map(|each| each.state).collect();
    let (dropped, used_up) = (DiscardedReason::EndpointDisabled, FailedReason::Exhausted);
    assert!(matches!(states[0], DeliveryState::Discarded { reason, .. } if reason == dropped));
    assert!(matches!(states[1], DeliveryState::Failed { reason, .. } if reason == used_up));

    // While it is paused nothing is sent, and nothing is kept.
    let before = world.posted(URL).len();
    publish(&world.fanfare, UPLOADED, "3", None).await;
    pass(10 * HOUR).await;
    assert_eq!(world.posted(URL).len(), before);
    world.ground.sender.always(URL, Answer::status(200));
    let modify = format!("POST {path}");
    let shown = world.api.well(200, &modify, r#"{"status":"active"}"#).await;
    assert_eq!(shown["status"], "active");
    pass(10 * HOUR).await;
    assert_eq!(world.posted(URL).len(), before);
    publish(&world.fanfare, UPLOADED, "4", None).await;
    pass(minutes(1)).await;
    let sent = world.posted(URL);
    assert_eq!(
        (sent.len(), data(&sent[before]).as_str()),
        (before + 1, "4")
    );
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_arrives_leaves_the_webhook_active() {
    let (world, path) = world().await;
    let answers = [Answer::status(500), Answer::hang(), Answer::status(302)];
    world.ground.sender.next(URL, answers);
    publish(&world.fanfare, UPLOADED, "{}", None).await;
    pass(minutes(10)).await;
    // The second took its whole ten seconds.
    let sent = world.posted(URL);
    assert_eq!(waits(&sent), [30, 70, 120].map(Duration::from_secs));
    assert!(sent.iter().all(|each| each.body == sent[0].body));
    assert_eq!(status(&world, &path).await, "active");
    let state = world.deliveries().await[0].state.name();
    assert_eq!(state, StateName::Delivered);
}

#[tokio::test(start_paused = true)]
async fn waits_are_stretched_by_at_most_a_tenth() {
    let world = Virtual::with("collect", &DialectSettings::default(), None).await;
    added(&world, &json!({"targetUrl": URL})).await;
    world.ground.sender.always(URL, Answer::status(500));
    publish(&world.fanfare, UPLOADED, "{}", None).await;
    pass(26 * HOUR).await;
    let sent = world.posted(URL);
    let schedule = (0..).map(|power: u32| (30 << power.min(8)).min(7_200_u64));
    for (wait, exact) in waits(&sent).iter().zip(schedule) {
        let (least, most) = (
            Duration::from_secs(exact),
            Duration::from_secs(exact * 11 / 10),
        );
        assert!((least..=most).contains(wait), "{wait:?} for {exact}");
    }
    let whole = sent.last().unwrap().at.since(sent[0].at);
    assert!(whole <= 24 * HOUR, "{whole:?}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_paused_webhook_gets_nothing_and_keeps_no_backlog() {
    let (world, path) = world().await;
    let modify = format!("POST {path}");
    world.ground.sender.next(URL, [Answer::status(500)]);
    publish(&world.fanfare, UPLOADED, "1", None).await;
    pass(Duration::from_secs(1)).await;
    world.api.well(200, &modify, r#"{"status":"paused"}"#).await;
    publish(&world.fanfare, UPLOADED, "2", None).await;
    pass(minutes(60)).await;
    world.api.well(200, &modify, r#"{"status":"active"}"#).await;
    publish(&world.fanfare, UPLOADED, "3", None).await;
    pass(minutes(60)).await;
    let sent: Vec<String> = world.posted(URL).iter().map(data).collect();
    assert_eq!(sent, ["1", "3"]);
    let states: Vec<_> = world.deliveries().await;
    let states: Vec<_> = states.iter().map(|each| each.state.name()).collect();
    assert_eq!(states, [StateName::Delivered, StateName::Discarded]);
}

#[tokio::test(start_paused = true)]
async fn the_next_attempt_goes_to_the_new_address_with_the_token_of_its_time() {
    let (world, path) = world().await;
    let moved = "https://moved.example/c";
    world.ground.sender.always(URL, Answer::status(500));
    world.ground.sender.always(moved, Answer::status(500));
    publish(&world.fanfare, UPLOADED, "{}", None).await;
    pass(Duration::from_secs(1)).await;
    let body = json!({"targetUrl": moved, "secretToken": "two"}).to_string();
    let modify = format!("POST {path}");
    world.api.well(200, &modify, &body).await;
    pass(minutes(1)).await;
    let id = world.endpoint().await.id.to_string();
    let rotated = world
        .fanfare
        .rotate_secret(&acme(), &id, RotationDraft::default(), Vec::new())
        .await
        .unwrap();
    assert_eq!(rotated.secrets.len(), 1);
    pass(minutes(1)).await;
    let shown = world.api.well(200, &format!("GET {path}"), "").await;
    assert_eq!(shown["secretToken"], rotated.secrets[0].text);
    world
        .api
        .well(200, &modify, r#"{"secretToken":null}"#)
        .await;
    pass(minutes(3)).await;
    let token = |sent: &Sent| sent.header("x-collect-secret-token").to_owned();
    let first: Vec<String> = world.posted(URL).iter().map(token).collect();
    let later: Vec<String> = world.posted(moved).iter().map(token).collect();
    assert_eq!(first, ["one"]);
    assert_eq!(later, ["two", &rotated.secrets[0].text, ""]);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_deleted_webhook_is_dropped() {
    let (world, path) = world().await;
    world.ground.sender.always(URL, Answer::status(500));
    publish(&world.fanfare, UPLOADED, "{}", None).await;
    pass(Duration::from_secs(1)).await;
    world.api.well(200, &format!("DELETE {path}"), "").await;
    pass(minutes(60)).await;
    assert_eq!(world.posted(URL).len(), 1);
    let state = world.deliveries().await[0].state.name();
    assert_eq!(state, StateName::Discarded);
}

#[tokio::test(start_paused = true)]
async fn the_limit_counts_over_all_operations_and_comes_back() {
    let world = Virtual::with("collect", &DialectSettings::default(), Some(2)).await;
    let path = added(&world, &json!({"targetUrl": URL})).await;
    world.api.well(200, "GET /v1/webhooks", "").await;
    let read = format!("GET {path}");
    let refused = world.api.call(&read, "").await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json()["error"], "Too Many Requests");
    pass(Duration::from_secs(30)).await;
    world.api.well(200, &read, "").await;
}
