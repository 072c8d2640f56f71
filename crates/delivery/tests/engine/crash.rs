//! Crashes: what was committed goes on, and duplicates are only of what was not recorded yet.

use fanfare_app::port::Deliveries;
use fanfare_app::port::log::Append;
use fanfare_app::port::{Clock, Log};
use fanfare_delivery::EngineOptions;
use fanfare_domain::delivery::StateName;
use fanfare_domain::id::EventId;
use fanfare_testkit::builders::{EVENT_TYPE, acme, endpoint};
use fanfare_testkit::memory_store::{Call, Moment};
use fanfare_testkit::scripted_sender::Answer;

use crate::world::{URL, World, millis, pass, seconds};

#[tokio::test(start_paused = true)]
async fn every_acknowledged_event_arrives_after_a_crash_and_only_open_ones_twice() {
    for moment in [0, 1, 30, 31, 250, 1_100, 2_500, 4_000, 9_000] {
        let world = World::new().await;
        world.endpoint(URL).await;
        let answer = Answer::status(200).after(millis(30));
        world.ground.sender.always(URL, answer);
        let events = world.publish_many(2_000).await;
        pass(millis(moment)).await;
        let recorded = world.count(StateName::Delivered).await;
        let sent = world.ground.sender.count();
        let world = world.crash().await;
        pass(seconds(120)).await;
        assert_eq!(world.count(StateName::Delivered).await, 2_000);
        let mut ids = world.ids_sent_to(URL);
        assert!(ids.len() <= 2_000 + (sent - recorded), "at {moment} ms");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), events.len(), "at {moment} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_was_committed_and_never_handed_on_arrives_after_the_restart() {
    let world = World::new().await;
    let endpoint = world.endpoint(URL).await;
    let first = world.publish().await;
    pass(seconds(5)).await;
    let mut event = first.as_ref().clone();
    event.id = EventId::new(world.ground.clock.now(), 99);
    assert_eq!(event.targets, [endpoint.id]);
    let append = Append {
        event: std::sync::Arc::new(event),
        idempotency: None,
        content: None,
        in_turn: Vec::new(),
    };
    world.ground.store.append(vec![append]).await.unwrap();
    let world = world.crash().await;
    pass(seconds(1)).await;
    assert_eq!(world.ids_sent_to(URL).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn retries_go_on_at_their_time_after_a_crash() {
    let world = World::new().await;
    world.endpoint(URL).await;
    world.ground.sender.always(URL, Answer::status(500));
    world.publish().await;
    pass(seconds(60)).await;
    let world = world.crash().await;
    pass(seconds(200)).await;
    assert_eq!(world.ids_sent_to(URL).len(), 2);
    pass(seconds(60)).await;
    assert_eq!(world.ids_sent_to(URL).len(), 3);
    let row = &world.rows().await[0];
    assert_eq!(row.attempts, 3);
}

#[tokio::test(start_paused = true)]
async fn recovery_with_little_memory_sends_nothing_that_was_recorded() {
    let options = EngineOptions {
        linger: seconds(3_600),
        ..EngineOptions::default()
    };
    let world = World::with(options).await;
    // What hangs has no rows and keeps the materialised position low.
    world.endpoint(URL).await;
    world.ground.sender.always(URL, Answer::hang());
    for _ in 0..9 {
        world.publish_many(50).await;
        pass(millis(10)).await;
    }
    let quick = "https://quick.example/";
    let fanfare = &world.fanfare;
    let hanging = world.ground.directory.route(&acme(), EVENT_TYPE).endpoints;
    let mut draft = endpoint(URL);
    draft.event_types = Some(Vec::new());
    let id = hanging.unwrap()[0].endpoint.id.to_string();
    fanfare
        .replace_endpoint(&acme(), &id, draft, Vec::new())
        .await
        .unwrap();
    world.endpoint(quick).await;
    world.publish_many(1_500).await;
    pass(millis(500)).await;
    let recorded = world.count(StateName::Delivered).await;
    let unrecorded = 1_500 - recorded;
    let sent = world.ids_sent_to(quick).len();
    assert!(recorded > 0, "{recorded} {sent}");

    let ground = world.ground.crash();
    ground.sender.always(URL, Answer::status(200));
    // A slow start: each read of rows takes ten seconds.
    let faults = ground.store.faults();
    faults.delay(Call::ReadDeliveries, seconds(10), Moment::After);
    let options = EngineOptions {
        memory_bytes: 64 * 1_024,
        ..EngineOptions::default()
    };
    let world = World::on(ground, options).await;
    world.ground.store.faults().heal();
    pass(seconds(600)).await;
    let sent_again = world.ids_sent_to(quick).len() - sent;
    assert!(sent_again <= unrecorded, "{sent_again} of {unrecorded}");
    assert_eq!(world.count(StateName::Delivered).await, 1_950);
}

#[tokio::test(start_paused = true)]
async fn a_second_start_has_nothing_left_to_compare() {
    let world = World::new().await;
    world.endpoint(URL).await;
    world.publish_many(300).await;
    pass(seconds(5)).await;
    let store = &world.ground.store;
    assert_eq!(store.materialised().await.unwrap(), 300);
    let world = world.crash().await;
    pass(seconds(60)).await;
    assert_eq!(world.ground.sender.count(), 300);
}
