//! Jobs that cancel what waits: nothing is sent of a delivery after its end.

use std::collections::HashMap;

use fanfare_app::recovery::{Action, JobDraft};
use fanfare_delivery::EngineOptions;
use fanfare_domain::delivery::{DeliveryState, DiscardedReason, StateName};
use fanfare_domain::id::EndpointId;
use fanfare_domain::job::{Job, JobState};
use fanfare_domain::time::Timestamp;
use fanfare_testkit::builders::{acme, endpoint};
use fanfare_testkit::memory_store::{Call, Moment};
use fanfare_testkit::scripted_sender::Answer;
use fanfare_testkit::seeded::Seeded;

use crate::recovery::stands;
use crate::world::{URL, World, millis, pass, seconds};

const OTHER: &str = "https://other.example/";

async fn cancel(world: &World, endpoint: Option<EndpointId>) -> Job {
    let draft = JobDraft {
        action: Some(Action::Cancel),
        endpoint: endpoint.map(|id| id.to_string()),
        ..JobDraft::default()
    };
    let scope = acme();
    let begun = world
        .fanfare
        .make_job((&scope).into(), draft, Vec::new())
        .await;
    begun.unwrap()
}

/// When each delivery that was cancelled ended, by the id that its requests have.
async fn cancelled(world: &World) -> HashMap<String, Timestamp> {
    let mut ends = HashMap::new();
    for row in world.rows().await {
        if let DeliveryState::Discarded { at, reason } = row.state {
            assert_eq!(reason, DiscardedReason::Cancelled);
            ends.insert(row.event.to_string(), at);
        }
    }
    ends
}

/// Nothing was sent of a delivery after it was cancelled.
async fn assert_nothing_is_sent_after_its_end(world: &World) {
    let ends = cancelled(world).await;
    for sent in world.ground.sender.sent_to(URL) {
        if let Some(end) = ends.get(sent.webhook_id()) {
            assert!(sent.at <= *end, "{} at {}", sent.webhook_id(), sent.at);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_in_the_store_is_cancelled_for_its_endpoint_only() {
    let world = World::new().await;
    let made = world.endpoint(URL).await;
    world.endpoint(OTHER).await;
    world.ground.sender.always(URL, Answer::status(500));
    world.ground.sender.always(OTHER, Answer::status(500));
    world.publish_many(300).await;
    pass(seconds(60)).await;
    assert_eq!(world.count(StateName::Waiting).await, 600);
    let job = cancel(&world, Some(made.id)).await;
    pass(seconds(10)).await;
    let job = stands(&world, &job).await;
    assert_eq!((job.state, job.progress.taken), (JobState::Completed, 300));
    assert_eq!(cancelled(&world).await.len(), 300);
    assert_eq!(world.count(StateName::Waiting).await, 300);
    let sent = world.ids_sent_to(URL).len();
    pass(seconds(3 * 3_600)).await;
    assert_eq!(world.ids_sent_to(URL).len(), sent);
    assert!(world.ids_sent_to(OTHER).len() > sent);
}

#[tokio::test(start_paused = true)]
async fn what_is_in_the_lanes_memory_is_cancelled_and_what_is_under_way_ends_as_it_ends() {
    let world = World::new().await;
    world.endpoint(URL).await;
    let slow = Answer::status(200).after(seconds(12));
    world.ground.sender.always(URL, slow);
    // More than the lane's memory holds, and too young to have rows.
    world.publish_many(600).await;
    pass(millis(100)).await;
    let job = cancel(&world, None).await;
    pass(seconds(8)).await;
    let under_way = world.ids_sent_to(URL).len();
    assert_eq!(stands(&world, &job).await.state, JobState::Running);
    pass(seconds(600)).await;
    let job = stands(&world, &job).await;
    assert_eq!(job.state, JobState::Completed);
    assert_eq!(world.ids_sent_to(URL).len(), under_way);
    assert_eq!(world.count(StateName::Delivered).await, under_way);
    assert_eq!(job.progress.taken as usize, 600 - under_way);
    assert!(under_way <= 16, "{under_way}");
    assert_nothing_is_sent_after_its_end(&world).await;
}

#[tokio::test(start_paused = true)]
async fn what_would_be_attempted_again_after_the_one_under_way_is_cancelled_then() {
    let world = World::new().await;
    world.endpoint(URL).await;
    let slow = Answer::status(500).after(seconds(10));
    world.ground.sender.always(URL, slow);
    world.publish_many(5).await;
    pass(seconds(4)).await;
    let job = cancel(&world, None).await;
    pass(seconds(60)).await;
    let job = stands(&world, &job).await;
    assert_eq!((job.state, job.progress.taken), (JobState::Completed, 5));
    assert_eq!(world.ids_sent_to(URL).len(), 5);
    let rows = world.rows().await;
    assert!(rows.iter().all(|row| row.attempts == 1));
    assert_eq!(cancelled(&world).await.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn what_is_published_after_a_cancellation_began_is_not_cancelled() {
    let world = World::new().await;
    world.endpoint(URL).await;
    let slow = Answer::status(200).after(seconds(3));
    world.ground.sender.always(URL, slow);
    world.publish_many(40).await;
    let job = cancel(&world, None).await;
    pass(millis(1)).await;
    let later = world.publish_many(40).await;
    pass(seconds(120)).await;
    assert_eq!(stands(&world, &job).await.state, JobState::Completed);
    for event in &later {
        let row = world.delivery(event).await;
        assert!(matches!(row.state, DeliveryState::Delivered { .. }));
    }
}

/// Crashes and faults of the store at times that a seed decides.
async fn survives(seed: u64) {
    let chance = Seeded::new(seed);
    let mut world = World::with(EngineOptions {
        lane_queue: *chance.pick(&[4, 64, 256]),
        scan_every: seconds(3),
        ..EngineOptions::default()
    })
    .await;
    world.endpoint_with(endpoint(URL)).await;
    let delay = millis(*chance.pick(&[0, 30, 4_000]));
    let status = *chance.pick(&[200, 500]);
    let answer = Answer::status(status).after(delay);
    world.ground.sender.always(URL, answer);
    let count = 20 + chance.below(300) as usize;
    world.publish_many(count).await;
    pass(millis(chance.below(4_000))).await;
    let job = cancel(&world, None).await;
    for _ in 0..chance.below(5) {
        pass(millis(chance.below(2_500))).await;
        let calls = [Call::ChangeJob, Call::ReadJobs, Call::Settle, Call::Due];
        let moment = *chance.pick(&[Moment::Before, Moment::After]);
        let faults = world.ground.store.faults();
        match chance.below(3) {
            0 => faults.fail(*chance.pick(&calls), 1 + chance.below(4) as usize, moment),
            1 => faults.delay(*chance.pick(&calls), millis(chance.below(2_000)), moment),
            _ => world = world.crash().await,
        }
    }
    world.ground.store.faults().heal();
    pass(seconds(200)).await;
    let job = stands(&world, &job).await;
    assert_eq!(job.state, JobState::Completed, "seed {seed}");
    let ends = cancelled(&world).await;
    assert_eq!(world.count(StateName::Waiting).await, 0, "seed {seed}");
    assert_eq!(job.progress.taken as usize, ends.len(), "seed {seed}");
    assert_nothing_is_sent_after_its_end(&world).await;
    let sent = world.ids_sent_to(URL).len();
    pass(seconds(120)).await;
    assert_eq!(world.ids_sent_to(URL).len(), sent, "seed {seed}");
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_survives_crashes_at_any_step() {
    for seed in 0..40 {
        survives(seed).await;
    }
}
