//! More than memory may hold.

use std::time::Duration;

use fanfare_app::endpoints::RateLimitDraft;
use fanfare_delivery::EngineOptions;
use fanfare_domain::delivery::StateName;
use fanfare_domain::rate::Per;
use fanfare_testkit::builders::{endpoint, event};
use fanfare_testkit::memory_store::{Call, Moment};
use fanfare_testkit::scripted_sender::Answer;

use crate::world::{URL, World, millis, pass, seconds};

#[tokio::test(start_paused = true)]
async fn what_finds_no_room_in_a_lane_waits_in_the_store_and_arrives_once() {
    let options = EngineOptions {
        lane_queue: 16,
        ..EngineOptions::default()
    };
    let world = World::with(options).await;
    world.endpoint(URL).await;
    let answer = Answer::status(200).after(millis(100));
    world.ground.sender.always(URL, answer);
    let events = world.publish_many(1_000).await;
    pass(seconds(60)).await;
    world.assert_each_once(URL, &events);
    assert_eq!(world.count(StateName::Delivered).await, 1_000);
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_room_in_memory_is_read_back_from_the_log_and_arrives_once() {
    let options = EngineOptions {
        memory_bytes: 8 * 1_024,
        ..EngineOptions::default()
    };
    let world = World::with(options).await;
    world.endpoint("https://one.example/").await;
    world.endpoint("https://two.example/").await;
    world
        .ground
        .sender
        .decide(|_| Answer::status(200).after(millis(20)));
    let events = world.publish_many(500).await;
    pass(seconds(600)).await;
    world.assert_each_once("https://one.example/", &events);
    world.assert_each_once("https://two.example/", &events);
    assert_eq!(world.count(StateName::Delivered).await, 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_endpoint_that_fills_memory_holds_the_others_up_for_a_moment_only() {
    let options = EngineOptions {
        memory_bytes: 1024 * 1024,
        ..EngineOptions::default()
    };
    let most = options.memory_bytes;
    let world = World::with(options).await;
    let hanging = world.endpoint(URL).await;
    world.ground.sender.always(URL, Answer::hang());
    world.publish_large(200, 20_000).await;
    let healthy = "https://healthy.example/";
    let mut only = endpoint(healthy);
    only.attributes = Some([("to".to_owned(), vec!["healthy".to_owned()])].into());
    world.endpoint_with(only).await;
    pass(seconds(5)).await;

    let mut draft = event();
    draft.attributes = [("to".to_owned(), vec!["healthy".to_owned()])].into();
    let event = world.publish_draft(draft).await;
    pass(seconds(5)).await;
    world.assert_each_once(healthy, &[event]);
    // And it stays so while the hanging one is read back from the store.
    for _ in 0..60 {
        pass(seconds(10)).await;
        let bytes = world.engine.footprint().payload_bytes;
        assert!(bytes < 2 * most, "{bytes} bytes in memory");
    }
    let _ = hanging;
}

#[tokio::test(start_paused = true)]
async fn endpoints_with_rates_that_fill_memory_hold_the_others_up_for_a_moment_only() {
    let options = EngineOptions {
        memory_bytes: 2 * 1_024,
        ..EngineOptions::default()
    };
    let world = World::with(options).await;
    let slow = ["https://one.example/", "https://two.example/"];
    for url in slow {
        let mut draft = endpoint(url);
        draft.rate_limit = Some(RateLimitDraft {
            requests: 20,
            per: Per::Minute,
            burst: Some(1),
        });
        world.endpoint_with(draft).await;
    }
    let events = world.publish_many(40).await;
    let quick = "https://quick.example/";
    let mut only = endpoint(quick);
    only.attributes = Some([("to".to_owned(), vec!["quick".to_owned()])].into());
    world.endpoint_with(only).await;
    pass(seconds(60)).await;

    // The slow ones get it, too.
    let mut draft = event();
    draft.attributes = [("to".to_owned(), vec!["quick".to_owned()])].into();
    for number in 1..=10 {
        world.publish_draft(draft.clone()).await;
        pass(millis(2_500)).await;
        assert_eq!(world.ids_sent_to(quick).len(), number);
    }
    pass(seconds(600)).await;
    for url in slow {
        assert_eq!(world.ids_sent_to(url).len(), events.len() + 10);
    }
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_is_parked_while_commits_are_slow_is_not_taken_for_one_in_memory() {
    let options = EngineOptions {
        lane_queue: 4,
        lane_concurrency_start: 1,
        lane_concurrency_most: 1,
        scan_every: Duration::from_secs(3_600),
        ..EngineOptions::default()
    };
    let world = World::with(options).await;
    world.endpoint(URL).await;
    let answer = Answer::status(200).after(seconds(4));
    world.ground.sender.always(URL, answer);
    let faults = world.ground.store.faults();
    faults.delay(Call::Settle, seconds(3), Moment::Before);
    let mut events = vec![world.publish().await];
    // Its row is on its way; these find no room meanwhile.
    pass(millis(2_200)).await;
    events.extend(world.publish_many(20).await);
    pass(seconds(5)).await;
    world.ground.store.faults().heal();
    pass(seconds(600)).await;
    assert_eq!(world.count(StateName::Delivered).await, 21);
    world.assert_each_once(URL, &events);
}

#[tokio::test(start_paused = true)]
async fn deliveries_that_keep_overflowing_do_not_keep_others_from_their_rows() {
    let world = World::new().await;
    world.endpoint(URL).await;
    world.ground.sender.always(URL, Answer::hang());
    let faults = world.ground.store.faults();
    faults.delay(Call::Settle, millis(5), Moment::Before);
    for _ in 0..4_000 {
        world.publish().await;
        pass(millis(2)).await;
    }
    // Eight seconds' worth of events; only those of the last two may lack a row.
    let without_row = world.engine.footprint().without_row;
    assert!(without_row < 1_500, "{without_row}");
}

#[tokio::test(start_paused = true)]
async fn a_row_that_was_read_before_its_end_is_not_attempted_after_it() {
    let options = EngineOptions {
        lane_queue: 16,
        scan_every: Duration::from_secs(3_600),
        ..EngineOptions::default()
    };
    let world = World::with(options).await;
    world.endpoint(URL).await;
    let answer = Answer::status(200).after(millis(70));
    world.ground.sender.always(URL, answer);
    // Rows are read, and settled before the answer of the read is there.
    let faults = world.ground.store.faults();
    faults.delay(Call::Due, millis(500), Moment::After);
    let events = world.publish_many(300).await;
    pass(seconds(120)).await;
    world.assert_each_once(URL, &events);
}
