//! Order, over the real binary.

use std::time::Instant;

use fanfare_testkit::receiver::{Answer, Receiver};
use serde_json::{Value, json};

use crate::harness::{Setup, World};

const EVENTS: usize = 2_000;

fn numbers(arrivals: &[fanfare_testkit::receiver::Arrival]) -> Vec<u64> {
    let number = |body: &[u8]| {
        let body: Value = serde_json::from_slice(body).unwrap();
        body["data"]["number"].as_u64().unwrap()
    };
    arrivals.iter().map(|each| number(&each.body)).collect()
}

/// Events of one batch are in one commit, in the order of their places.
async fn publish_numbered(world: &World, from: usize, to: usize) {
    let event = |number: usize| json!({"tenant": "acme", "type": "invoice.paid", "data": {"number": number}});
    for from in (from..to).step_by(100) {
        let events: Vec<_> = (from..to.min(from + 100)).map(event).collect();
        let batch = json!({ "events": events });
        let answer = world.api.post("/v1/events/batch", batch).await;
        assert!(answer.text().contains("202"), "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strict_order_is_kept_at_speed_with_failures_in_the_middle() {
    let server = Setup::new().start().await;
    let receiver = Receiver::builder().keep(2 * EVENTS).start().await;
    let mut answers = vec![Answer::ok(); 300];
    answers.extend([
        Answer::status(500),
        Answer::ok(),
        Answer::status(503),
        Answer::ok(),
    ]);
    receiver.script("/hook", answers);
    let world = World::make(server.api()).await;
    let ordered =
        json!({"ordering": "strict", "delivery_policy": {"waits": ["0s", "50ms", "50ms"]}});
    world.endpoint(&receiver.url("/hook"), ordered).await;
    let began = Instant::now();
    publish_numbered(&world, 0, EVENTS).await;
    let arrivals = receiver.wait_for(EVENTS + 2).await;
    let took = began.elapsed();
    println!(
        "{EVENTS} events in strict order within {took:?}: {:.0} a second",
        EVENTS as f64 / took.as_secs_f64()
    );
    let mut seen = numbers(&arrivals);
    let refused: Vec<_> = arrivals
        .iter()
        .zip(&seen)
        .filter(|(arrival, _)| arrival.answer != Some(200))
        .map(|(_, number)| *number)
        .collect();
    assert_eq!(refused, [300, 301]);
    seen.dedup();
    assert_eq!(seen, (0..EVENTS as u64).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_order_shows_what_holds_it_and_goes_on_when_that_is_skipped() {
    let server = Setup::new().start().await;
    let receiver = Receiver::start().await;
    receiver.script("/hook", vec![Answer::status(500), Answer::ok()]);
    let world = World::make(server.api()).await;
    let ordered = json!({
        "ordering": "by_key", "on_failure": "hold", "delivery_policy": {"waits": ["0s"]},
    });
    let endpoint = world.endpoint(&receiver.url("/hook"), ordered).await;
    let mut events = Vec::new();
    for number in 0..2 {
        let event = json!({
            "type": "invoice.paid", "ordering_key": "customer:1", "data": {"number": number},
        });
        let answer = world.api.post("/v1/tenants/acme/events", event).await;
        events.push(answer.expect(202)["id"].as_str().unwrap().to_owned());
    }
    let failed = world.delivery(&events[0], "failed").await;
    assert_eq!(failed["holds_order"], true);
    let path = format!(
        "/v1/tenants/acme/endpoints/{}",
        endpoint["id"].as_str().unwrap()
    );
    let shown = world.api.get(&path).await.expect(200);
    assert_eq!(shown["held"][0]["delivery"], failed["id"]);
    assert_eq!(shown["held"][0]["reason"], "exhausted");

    let waiting = world.delivery(&events[1], "waiting").await;
    let path = |delivery: &Value, what: &str| {
        let id = delivery["id"].as_str().unwrap();
        format!("/v1/tenants/acme/deliveries/{id}/{what}")
    };
    let refused = world.api.post(&path(&waiting, "retry"), json!({})).await;
    assert_eq!(refused.status, 409);
    assert!(refused.text().contains("held up"), "{}", refused.text());
    let refused = world.api.post(&path(&waiting, "skip"), json!({})).await;
    assert_eq!(refused.status, 409);

    let skipped = world.api.post(&path(&failed, "skip"), json!({})).await;
    assert_eq!(skipped.expect(200)["holds_order"], false);
    world.delivery(&events[1], "delivered").await;
    assert_eq!(numbers(&receiver.arrivals()), [0, 1]);
}
