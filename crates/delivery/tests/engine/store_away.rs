//! A store that is not available for a while.

use fanfare_delivery::EngineOptions;
use fanfare_domain::delivery::StateName;
use fanfare_testkit::builders::{acme, event};
use fanfare_testkit::memory_store::{Call, Moment};
use fanfare_testkit::scripted_sender::Answer;

use crate::world::{URL, World, millis, pass, seconds};

/// Outcomes that may wait for the store: the queue, the commit on its way, and one in each worker's
/// hands.
const WAITING_OUTCOMES: usize = 4_096 + 512 + 64;

#[tokio::test(start_paused = true)]
async fn outcomes_are_recorded_when_the_store_is_back_and_nothing_is_sent_twice() {
    let world = World::new().await;
    world.endpoint(URL).await;
    let faults = world.ground.store.faults();
    faults.fail(Call::Settle, usize::MAX, Moment::Before);
    let events = world.publish_many(200).await;
    pass(seconds(60)).await;
    assert_eq!(world.count(StateName::Delivered).await, 0);
    faults.heal();
    pass(seconds(60)).await;
    world.assert_each_once(URL, &events);
    assert_eq!(world.count(StateName::Delivered).await, 200);
}

#[tokio::test(start_paused = true)]
async fn a_settlement_whose_answer_was_lost_is_made_again_without_harm() {
    let world = World::new().await;
    world.endpoint(URL).await;
    world.ground.sender.next(URL, [Answer::status(500)]);
    let faults = world.ground.store.faults();
    faults.fail(Call::Settle, 5, Moment::After);
    let event = world.publish().await;
    pass(seconds(60)).await;
    let row = world.delivery(&event).await;
    assert_eq!((row.attempts, row.last_status), (2, Some(200)));
    assert_eq!(world.attempts(&row).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn sending_stops_at_a_bound_while_nothing_can_be_recorded() {
    let options = EngineOptions {
        lane_queue: 10_000,
        ..EngineOptions::default()
    };
    let world = World::with(options).await;
    world.endpoint(URL).await;
    let faults = world.ground.store.faults();
    faults.fail(Call::Settle, usize::MAX, Moment::Before);
    let events = world.publish_many(6_000).await;
    pass(seconds(120)).await;
    let sent = world.ground.sender.count();
    assert!((4_096..=WAITING_OUTCOMES).contains(&sent), "{sent}");
    faults.heal();
    pass(seconds(120)).await;
    world.assert_each_once(URL, &events);
    assert_eq!(world.count(StateName::Delivered).await, 6_000);
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_in_time_although_nothing_can_be_recorded() {
    let options = EngineOptions {
        lane_queue: 10_000,
        ..EngineOptions::default()
    };
    let world = World::with(options).await;
    world.endpoint(URL).await;
    let faults = world.ground.store.faults();
    faults.fail(Call::Settle, usize::MAX, Moment::Before);
    world.publish_many(6_000).await;
    pass(seconds(10)).await;
    let begun = tokio::time::Instant::now();
    let end = world.engine.shutdown(seconds(5));
    let ended = tokio::time::timeout(seconds(60), end).await;
    assert!(ended.is_ok(), "shutdown hangs");
    assert!(begun.elapsed() <= seconds(11), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn due_deliveries_are_read_when_the_store_is_back() {
    let world = World::new().await;
    world.endpoint(URL).await;
    world.ground.sender.next(URL, [Answer::status(500)]);
    world.publish().await;
    pass(seconds(1)).await;
    let faults = world.ground.store.faults();
    faults.fail(Call::Due, usize::MAX, Moment::Before);
    faults.fail(Call::Lanes, usize::MAX, Moment::Before);
    pass(seconds(60)).await;
    assert_eq!(world.ids_sent_to(URL).len(), 1);
    faults.heal();
    pass(seconds(3)).await;
    assert_eq!(world.ids_sent_to(URL).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_append_answered_nothing_is_found_behind_a_later_one() {
    let world = World::new().await;
    world.endpoint(URL).await;
    let faults = world.ground.store.faults();
    faults.fail(Call::Append, 1, Moment::After);
    let refused = world.fanfare.publish(acme(), event(), None).await;
    assert!(refused.is_err());
    world.publish().await;
    pass(seconds(10)).await;
    assert_eq!(world.ids_sent_to(URL).len(), 2);
    assert_eq!(world.count(StateName::Delivered).await, 2);
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_append_answered_nothing_is_found_without_a_later_one() {
    let world = World::new().await;
    world.endpoint(URL).await;
    world.publish().await;
    let faults = world.ground.store.faults();
    faults.fail(Call::Append, 1, Moment::After);
    let draft = || fanfare_app::publish::EventDraft {
        uid: Some("order-7".to_owned()),
        ..event()
    };
    let refused = world.fanfare.publish(acme(), draft(), None).await;
    assert!(refused.is_err());
    // The publisher tries again and is told that the event is there.
    let again = world.fanfare.publish(acme(), draft(), None).await.unwrap();
    assert!(again.repeated);
    pass(world.options.scan_every + seconds(5)).await;
    assert_eq!(world.ids_sent_to(URL).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_goes_away_during_the_commit_leaves_nothing_unsent() {
    let world = World::new().await;
    world.endpoint(URL).await;
    let faults = world.ground.store.faults();
    faults.delay(Call::Append, millis(100), Moment::After);
    let publish = world.fanfare.publish(acme(), event(), None);
    let gave_up = tokio::time::timeout(millis(50), publish).await;
    assert!(gave_up.is_err());
    pass(world.options.scan_every + seconds(5)).await;
    assert_eq!(world.ids_sent_to(URL).len(), 1);
}
