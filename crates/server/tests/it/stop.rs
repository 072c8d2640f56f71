//! The end of the process.

use std::time::Duration;

use fanfare_testkit::receiver::{Answer, Receiver};
use serde_json::json;

use crate::harness::{Setup, World};

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_it_with_success() {
    let mut server = Setup::new().start().await;
    assert_eq!(server.terminate().await.code(), Some(0), "{}", server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_at_sigterm_is_finished_and_not_sent_again() {
    let mut server = Setup::new().start().await;
    let receiver = Receiver::start().await;
    receiver.answer("/hook", Answer::ok().after(Duration::from_millis(500)));
    let world = World::make(server.api()).await;
    world.endpoint(&receiver.url("/hook"), json!({})).await;
    let event = world.publish(json!({})).await;
    receiver.wait_for(1).await;

    assert_eq!(server.terminate().await.code(), Some(0));

    server.restart().await;
    World::at(server.api()).delivery(&event, "delivered").await;
    assert_eq!(receiver.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn past_the_limit_it_ends_with_success_and_sends_again_later() {
    let mut server = Setup::new()
        .set("FANFARE_SHUTDOWN_LIMIT", "1s")
        .start()
        .await;
    let receiver = Receiver::start().await;
    receiver.script("/hook", vec![Answer::hang_before_head(), Answer::ok()]);
    let world = World::make(server.api()).await;
    world.endpoint(&receiver.url("/hook"), json!({})).await;
    let event = world.publish(json!({})).await;
    receiver.wait_for(1).await;

    assert_eq!(server.terminate().await.code(), Some(0));

    server.restart().await;
    World::at(server.api()).delivery(&event, "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once() {
    let mut server = Setup::new().start().await;
    let receiver = Receiver::start().await;
    receiver.answer("/hook", Answer::hang_before_head());
    let world = World::make(server.api()).await;
    world.endpoint(&receiver.url("/hook"), json!({})).await;
    world.publish(json!({})).await;
    receiver.wait_for(1).await;

    server.ask_to_end();
    server.logged("stopping").await;
    assert_eq!(server.terminate().await.code(), Some(1));
}
