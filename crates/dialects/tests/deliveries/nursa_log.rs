//! Nursa's log: what was sent to facility webhooks.

use std::time::Duration;

use fanfare_testkit::scripted_sender::Answer;
use serde_json::{Value, json};

use crate::call::publish;
use crate::virtual_time::{Virtual, minutes, pass};

const FACILITY: &str = "POST /api/v2/public/webhooks/facility";
const URL: &str = "https://receiver.example/nursa";

async fn webhook(world: &Virtual, url: &str) {
    let body = json!({"url": url, "events": ["all"], "secrets": ["one"]});
    world.api.well(201, FACILITY, &body.to_string()).await;
}

async fn log(world: &Virtual, query: &str) -> Vec<Value> {
    let line = format!("GET /api/v2/public/webhooks/logs?{query}");
    let answer = world.api.well(201, &line, "").await;
    answer["data"].as_array().unwrap().clone()
}

/// The data of each entry's event.
fn data(entries: &[Value]) -> Vec<u64> {
    let data = |entry: &Value| entry["requestPayload"]["data"]["n"].as_u64().unwrap();
    entries.iter().map(data).collect()
}

async fn shift(world: &Virtual, event_type: &str, n: u64, facility: &str) {
    let data = json!({"n": n}).to_string();
    publish(
        &world.fanfare,
        event_type,
        &data,
        Some(("facility_id", facility)),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_entry_has_the_first_attempt_and_its_retries() {
    let world = Virtual::new("nursa").await;
    webhook(&world, URL).await;
    world
        .ground
        .sender
        .next(URL, [Answer::status(500), Answer::hang()]);
    shift(&world, "shift.created", 1, "P-1").await;
    pass(minutes(6)).await;
    let so_far = log(&world, "").await;
    assert_eq!(so_far[0]["status"], "failure");
    assert_eq!(so_far[0]["retries"].as_array().unwrap().len(), 1);
    pass(minutes(60)).await;

    let reply = world.api.call("GET /api/v2/public/webhooks/logs", "").await;
    assert_eq!(reply.status, 201);
    let entry = &reply.json()["data"][0];
    let (id, retries) = (&entry["id"], &entry["retries"]);
    let sent = |id: &Value, status: &str| {
        format!(
            r#""id":{id},"facilityId":"P-1","eventType":"shift.created","requestPayload":{{"data":{{"n":1}},"eventType":"shift.created"}},"responseStatus":{status},"responseBody":{},"url":"{URL}""#,
            if status == "null" { "null" } else { r#""""# },
        )
    };
    let expected = format!(
        r#"{{"data":[{{{},"retries":[{{{},"retryAttempt":1,"status":"failure"}},{{{},"retryAttempt":2,"status":"success"}}],"status":"success"}}]}}"#,
        sent(id, "500"),
        sent(&retries[0]["id"], "null"),
        sent(&retries[1]["id"], "200"),
    );
    assert_eq!(reply.text, expected);
    assert_eq!(id.as_str().unwrap().len(), 36);
}

#[tokio::test(start_paused = true)]
async fn only_facility_webhooks_of_this_dialect_are_in_it() {
    let world = Virtual::new("nursa").await;
    let user = json!({"url": URL, "events": ["all"]}).to_string();
    world
        .api
        .well(201, "POST /api/v2/public/webhooks/user", &user)
        .await;
    let native = fanfare_testkit::builders::endpoint("https://receiver.example/native");
    let scope = fanfare_testkit::builders::acme();
    world
        .fanfare
        .create_endpoint(&scope, native, Vec::new())
        .await
        .unwrap();
    publish(&world.fanfare, "facility.creation.accepted", "{}", None).await;
    shift(&world, "shift.created", 1, "P-1").await;
    pass(minutes(1)).await;
    assert_eq!(log(&world, "").await, [] as [Value; 0]);
    webhook(&world, "https://receiver.example/facility").await;
    shift(&world, "shift.created", 2, "P-1").await;
    pass(minutes(1)).await;
    assert_eq!(data(&log(&world, "").await), [2]);
}

#[tokio::test(start_paused = true)]
async fn pages_are_whole_in_both_directions_over_many_deliveries() {
    const MANY: u64 = 700;
    let world = Virtual::new("nursa").await;
    webhook(&world, URL).await;
    webhook(&world, "https://receiver.example/second").await;
    for n in 0..MANY {
        shift(&world, "shift.created", n, "P-1").await;
        // Bursts within a millisecond, and long silences.
        if n % 300 == 299 {
            pass(minutes(600)).await;
        } else if n > 300 {
            pass(Duration::from_millis(20)).await;
        }
    }
    pass(minutes(1)).await;
    let mut oldest_first = Vec::new();
    let mut newest_first = Vec::new();
    for offset in (0..2 * MANY).step_by(100) {
        let query = format!("limit=100&offset={offset}");
        newest_first.append(&mut log(&world, &query).await);
        oldest_first.append(&mut log(&world, &format!("{query}&sortDirection=ASC")).await);
    }
    let ids = |entries: &[Value]| -> Vec<String> {
        entries
            .iter()
            .map(|entry| entry["id"].to_string())
            .collect()
    };
    let (newest, mut oldest) = (ids(&newest_first), ids(&oldest_first));
    oldest.reverse();
    assert_eq!(newest.len() as u64, 2 * MANY);
    assert_eq!(newest, oldest);
    let mut unlike = newest.clone();
    unlike.sort();
    unlike.dedup();
    assert_eq!(unlike.len(), newest.len());
    assert_eq!(log(&world, "").await.len(), 10);
    assert_eq!(log(&world, "limit=0").await.len(), 0);
    assert_eq!(log(&world, "offset=1395").await.len(), 5);
    assert_eq!(log(&world, "offset=1400").await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn filters_narrow_it() {
    let world = Virtual::new("nursa").await;
    webhook(&world, URL).await;
    shift(&world, "shift.created", 1, "P-1").await;
    pass(minutes(1)).await;
    shift(&world, "shift.created", 2, "P-2").await;
    pass(minutes(60)).await;
    let middle = world.now();
    shift(&world, "shift.cancelled", 3, "P-2").await;
    pass(minutes(1)).await;
    shift(&world, "shift.scheduled", 4, "P-3").await;
    pass(minutes(60)).await;
    for (query, found) in [
        ("sortDirection=ASC".to_owned(), vec![1, 2, 3, 4]),
        (
            "facilitiesIds[]=P-2&sortDirection=ASC".to_owned(),
            vec![2, 3],
        ),
        (
            "facilitiesIds=P-1&facilitiesIds=P-3&sortDirection=ASC".to_owned(),
            vec![1, 4],
        ),
        ("facilitiesIds=P-2&limit=1&offset=1".to_owned(), vec![2]),
        ("eventType=shift.cancelled".to_owned(), vec![3]),
        (format!("startDate={middle}&sortDirection=ASC"), vec![3, 4]),
        (format!("endDate={middle}&sortDirection=ASC"), vec![1, 2]),
    ] {
        assert_eq!(data(&log(&world, &query).await), found, "{query}");
    }
}
