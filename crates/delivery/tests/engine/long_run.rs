//! What the engine holds in memory does not grow with time.

use fanfare_domain::delivery::StateName;
use fanfare_domain::policy::PolicyPatch;
use fanfare_testkit::builders::{acme, endpoint};
use fanfare_testkit::scripted_sender::Answer;

use crate::world::{URL, World, pass, seconds};

#[tokio::test(start_paused = true)]
async fn a_day_of_failures_leaves_one_timer_for_each_lane() {
    let world = World::quiet().await;
    world.ground.sender.count_only();
    let urls: Vec<_> = (0..5).map(|n| format!("https://r{n}.example/")).collect();
    for url in &urls {
        world.endpoint(url).await;
        world.ground.sender.always(url, Answer::status(500));
    }
    for _ in 0..200 {
        world.publish().await;
        pass(seconds(300)).await;
    }
    let footprint = world.engine.footprint();
    assert!(footprint.timers <= urls.len(), "{footprint:?}");
    assert!(footprint.lanes <= urls.len(), "{footprint:?}");
    assert_eq!((footprint.payload_bytes, footprint.without_row), (0, 0));
    for url in &urls {
        world.ground.sender.always(url, Answer::status(200));
    }
    pass(seconds(48 * 3_600)).await;
    assert_eq!(world.count(StateName::Delivered).await, 1_000);
    let footprint = world.engine.footprint();
    assert_eq!((footprint.lanes, footprint.timers), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn replays_beside_a_far_retry_leave_no_timers_behind() {
    let world = World::quiet().await;
    let mut draft = endpoint(URL);
    draft.policy = Some(PolicyPatch {
        waits: Some(vec![seconds(0), seconds(24 * 3_600)]),
        ..PolicyPatch::default()
    });
    world.endpoint_with(draft).await;
    let arrived = world.publish().await;
    pass(seconds(1)).await;
    world.ground.sender.next(URL, [Answer::status(500)]);
    world.publish().await;
    pass(seconds(1)).await;
    let id = arrived.id.delivery(0).to_string();
    for _ in 0..200 {
        world.fanfare.retry(&acme(), &id).await.unwrap();
        pass(seconds(1)).await;
    }
    assert_eq!(world.count(StateName::Delivered).await, 201);
    assert_eq!(world.engine.footprint().timers, 1);
}
