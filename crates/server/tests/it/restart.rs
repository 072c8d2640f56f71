//! What a killed server left unfinished goes on.

use fanfare_testkit::receiver::{Answer, Receiver};
use serde_json::json;

use crate::harness::{Setup, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_waits_goes_on_after_a_kill() {
    let mut server = Setup::new().start().await;
    let receiver = Receiver::start().await;
    receiver.script("/hook", vec![Answer::status(500), Answer::ok()]);
    let world = World::make(server.api()).await;
    let policy = json!({"delivery_policy": {"waits": ["0s", "1s"]}});
    world.endpoint(&receiver.url("/hook"), policy).await;
    let event = world.publish(json!({})).await;
    receiver.wait_for(1).await;

    server.kill().await;
    server.restart().await;

    World::at(server.api()).delivery(&event, "delivered").await;
    let ids: Vec<_> = receiver
        .arrivals()
        .iter()
        .map(|arrival| arrival.header("webhook-id").map(str::to_owned))
        .collect();
    assert!(ids.len() >= 2, "{ids:?}");
    assert!(
        ids.iter().all(|id| id.as_deref() == Some(event.as_str())),
        "{ids:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_and_never_answered_goes_on_after_a_kill() {
    let mut server = Setup::new().start().await;
    let receiver = Receiver::start().await;
    receiver.answer("/hook", Answer::hang_before_head());
    let world = World::make(server.api()).await;
    world.endpoint(&receiver.url("/hook"), json!({})).await;
    let mut events = Vec::new();
    for number in 0..50 {
        events.push(world.publish(json!({ "number": number })).await);
    }

    server.kill().await;
    receiver.answer("/hook", Answer::ok());
    server.restart().await;

    let world = World::at(server.api());
    for event in &events {
        world.delivery(event, "delivered").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_right_after_its_first_start_starts_again() {
    let mut server = Setup::new().start().await;
    server.kill().await;
    server.restart().await;
    server.api().get("/health/ready").await.expect_text(200);
}
