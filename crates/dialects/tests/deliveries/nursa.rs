//! Nursa: deliveries, and the course of retries, a rotation and a pause.

use std::time::Duration;

use fanfare_app::endpoints::{EndpointDraft, RotationDraft};
use fanfare_dialects::DialectSettings;
use fanfare_domain::attempt::ErrorKind;
use fanfare_domain::delivery::{DeliveryState, FailedReason, StateName};
use fanfare_testkit::builders::acme;
use fanfare_testkit::scripted_sender::{Answer, Sent};
use serde_json::{Value, json};

use crate::call::publish;
use crate::real::Real;
use crate::verifier::verify;
use crate::virtual_time::{Virtual, minutes, pass, waits};

const USER: &str = "/api/v2/public/webhooks/user";
const FACILITY: &str = "/api/v2/public/webhooks/facility";
const URL: &str = "https://receiver.example/nursa";
const ACCEPTED: &str = "facility.creation.accepted";

/// Creates a webhook and gives its id.
async fn created(world: &Virtual, group: &str, more: Value) -> String {
    let mut body = json!({"url": URL, "events": ["all"], "secrets": ["one"]});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let made = world
        .api
        .well(201, &format!("POST {group}"), &body.to_string())
        .await;
    made["data"]["id"].as_str().unwrap().to_owned()
}

async fn checked(sent: &Sent, secrets: &[&str]) -> Result<Value, String> {
    verify(
        "nursa",
        &sent.headers,
        &sent.body,
        json!({"secrets": secrets}),
    )
    .await
}

#[tokio::test]
async fn a_delivery_is_genuine_to_a_verifier_written_from_the_page() {
    let world = Real::new("nursa", &DialectSettings::default()).await;
    let body =
        json!({"url": world.receiver.url("/n"), "events": ["all"], "secrets": ["old", "new"]});
    world
        .api
        .well(201, &format!("POST {USER}"), &body.to_string())
        .await;
    let data = r#"{"facilityId": "NUR-000001"}"#;
    publish(&world.fanfare, ACCEPTED, data, None).await;
    let arrivals = world.receiver.wait_for(1).await;
    let arrival = &arrivals[0];
    assert_eq!(
        (arrival.method.as_str(), arrival.path.as_str()),
        ("POST", "/n")
    );
    let envelope = format!(r#"{{"data":{data},"eventType":"{ACCEPTED}"}}"#);
    assert_eq!(arrival.body, envelope.as_bytes());
    for (secrets, genuine) in [
        (["old", "x"], true),
        (["x", "new"], true),
        (["x", "y"], false),
    ] {
        let given = json!({"secrets": secrets});
        let event = verify("nursa", &arrival.headers, &arrival.body, given).await;
        assert_eq!(event.is_ok(), genuine, "{event:?}");
        if let Ok(event) = event {
            assert_eq!(event["signatures"], 2);
            assert_eq!(event["data"]["facilityId"], "NUR-000001");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn three_retries_each_follow_the_failure_before_them_and_then_it_is_dropped() {
    let world = Virtual::new("nursa").await;
    created(&world, USER, json!({})).await;
    let took = Duration::from_secs(3);
    world.ground.sender.next(
        URL,
        [
            Answer::status(410).after(took),
            Answer::hang(),
            Answer::status(302),
            Answer::error(ErrorKind::ConnectionRefused),
        ],
    );
    publish(&world.fanfare, ACCEPTED, "{}", None).await;
    pass(Duration::from_secs(3 * 24 * 3600)).await;
    let sent = world.posted(URL);
    // From the end of each: the first took 3 seconds, the second its whole 10.
    assert_eq!(
        waits(&sent),
        [
            minutes(5) + took,
            minutes(30) + Duration::from_secs(10),
            minutes(60)
        ]
    );
    for each in &sent {
        let event = checked(each, &["one"]).await.unwrap();
        assert_eq!(event["t"], each.at.seconds());
    }
    let dropped = &world.deliveries().await[0];
    let exhausted = |state| {
        matches!(
            state,
            DeliveryState::Failed {
                reason: FailedReason::Exhausted,
                ..
            }
        )
    };
    assert!(exhausted(dropped.state), "{dropped:?}");
    // Nothing of it shows: there is no status, and later events go out.
    let list = world.api.well(201, &format!("GET {USER}"), "").await;
    assert_eq!(list["data"][0]["events"], json!(["all"]));
    publish(&world.fanfare, ACCEPTED, "{}", None).await;
    pass(minutes(1)).await;
    assert_eq!(world.posted(URL).len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_wish_of_when_to_come_again_is_not_heeded() {
    let world = Virtual::new("nursa").await;
    created(&world, USER, json!({})).await;
    let answer = Answer::status(503).header("retry-after", "7200");
    world.ground.sender.next(URL, [answer]);
    publish(&world.fanfare, ACCEPTED, "{}", None).await;
    pass(minutes(6)).await;
    assert_eq!(waits(&world.posted(URL)), [minutes(5)]);
}

#[tokio::test(start_paused = true)]
async fn a_retry_uses_the_url_and_the_secrets_of_its_time() {
    let world = Virtual::new("nursa").await;
    let id = created(&world, USER, json!({})).await;
    world.ground.sender.always(URL, Answer::status(500));
    publish(&world.fanfare, ACCEPTED, "{}", None).await;
    pass(minutes(1)).await;
    let other = "https://elsewhere.example/nursa";
    let change = json!({"url": other, "events": ["all"], "secrets": ["one", "two"]});
    world
        .api
        .well(201, &format!("PATCH {USER}/{id}"), &change.to_string())
        .await;
    pass(minutes(10)).await;
    let (before, after) = (world.posted(URL), world.posted(other));
    assert_eq!((before.len(), after.len()), (1, 1));
    assert_eq!(
        checked(&before[0], &["one"]).await.unwrap()["signatures"],
        1
    );
    assert_eq!(checked(&after[0], &["two"]).await.unwrap()["signatures"], 2);
}

#[tokio::test(start_paused = true)]
async fn the_retries_of_a_deleted_webhook_are_dropped() {
    let world = Virtual::new("nursa").await;
    let id = created(&world, USER, json!({})).await;
    world.ground.sender.always(URL, Answer::status(500));
    publish(&world.fanfare, ACCEPTED, "{}", None).await;
    pass(minutes(1)).await;
    let reply = world.api.call(&format!("DELETE {USER}/{id}"), "").await;
    assert_eq!((reply.status, reply.text.as_str()), (201, ""));
    pass(minutes(200)).await;
    assert_eq!(world.posted(URL).len(), 1);
    assert_eq!(
        world.deliveries().await[0].state.name(),
        StateName::Discarded
    );
}

#[tokio::test(start_paused = true)]
async fn a_rotation_through_the_native_api_ends_by_itself_and_shows() {
    let world = Virtual::new("nursa").await;
    created(&world, USER, json!({})).await;
    let id = world.endpoint().await.id.to_string();
    let draft = RotationDraft {
        overlap: Some(minutes(60)),
        ..RotationDraft::default()
    };
    let rotated = world
        .fanfare
        .rotate_secret(&acme(), &id, draft, Vec::new())
        .await;
    let fresh = rotated.unwrap().secrets[0].text.clone();
    assert!(fresh.len() == 32 && fresh.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    for (secrets, wait) in [
        (json!([fresh, "one"]), minutes(61)),
        (json!([fresh]), minutes(1)),
    ] {
        publish(&world.fanfare, ACCEPTED, "{}", None).await;
        let list = world.api.well(201, &format!("GET {USER}"), "").await;
        assert_eq!(list["data"][0]["secrets"], secrets);
        pass(wait).await;
    }
    let sent = world.posted(URL);
    assert_eq!(checked(&sent[0], &["one"]).await.unwrap()["signatures"], 2);
    assert!(checked(&sent[1], &["one"]).await.is_err());
    assert_eq!(checked(&sent[1], &[&fresh]).await.unwrap()["signatures"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_paused_webhook_gets_nothing_and_is_shown_as_before() {
    let world = Virtual::new("nursa").await;
    created(&world, USER, json!({})).await;
    let before = world.api.call(&format!("GET {USER}"), "").await.text;
    let endpoint = world.endpoint().await;
    let names = endpoint.event_types.clone().unwrap();
    let draft = EndpointDraft {
        url: Some(URL.to_owned()),
        event_types: Some(
            names
                .iter()
                .map(|each| fanfare_app::endpoints::SubscriptionDraft::Text(each.to_string()))
                .collect(),
        ),
        enabled: Some(false),
        ..EndpointDraft::default()
    };
    let id = endpoint.id.to_string();
    let paused = world
        .fanfare
        .replace_endpoint(&acme(), &id, draft, Vec::new())
        .await;
    assert!(!paused.unwrap().enabled());
    publish(&world.fanfare, ACCEPTED, "{}", None).await;
    pass(minutes(100)).await;
    assert!(world.posted(URL).is_empty());
    assert_eq!(
        world.api.call(&format!("GET {USER}"), "").await.text,
        before
    );
}

#[tokio::test(start_paused = true)]
async fn groups_events_and_facilities_decide_who_gets_what_once() {
    let world = Virtual::new("nursa").await;
    let hooks = [
        (
            USER,
            "user-all",
            json!({"events": ["all", "all", ACCEPTED]}),
        ),
        (USER, "user-one", json!({"events": [ACCEPTED, ACCEPTED]})),
        (FACILITY, "facility-all", json!({"events": ["all"]})),
        (
            FACILITY,
            "facility-one",
            json!({"events": ["all"], "facilities": ["P-1", "P-2"]}),
        ),
    ];
    for (group, path, mut more) in hooks {
        more["url"] = json!(format!("https://receiver.example/{path}"));
        created(&world, group, more).await;
    }
    publish(&world.fanfare, ACCEPTED, "1", None).await;
    publish(&world.fanfare, "facility.creation.rejected", "2", None).await;
    publish(&world.fanfare, "shift.created", "3", None).await;
    publish(
        &world.fanfare,
        "shift.created",
        "4",
        Some(("facility_id", "P-2")),
    )
    .await;
    publish(
        &world.fanfare,
        "shift.cancelled",
        "5",
        Some(("facility_id", "P-3")),
    )
    .await;
    pass(minutes(1)).await;
    let got = |path: &str| {
        let sent = world.posted(&format!("https://receiver.example/{path}"));
        let data =
            |sent: &Sent| serde_json::from_slice::<Value>(&sent.body).unwrap()["data"].to_string();
        let mut data: Vec<_> = sent.iter().map(data).collect();
        data.sort();
        data.join(" ")
    };
    assert_eq!(got("user-all"), "1 2");
    assert_eq!(got("user-one"), "1");
    assert_eq!(got("facility-all"), "3 4 5");
    assert_eq!(got("facility-one"), "4");
}
