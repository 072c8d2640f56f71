//! The breaker: what waits behind it, how it is probed, how it closes.

use fanfare_app::endpoints::EndpointDraft;
use fanfare_app::port::coordination::BreakerNews;
use fanfare_domain::breaker::{BreakerPatch, BreakerState, OpenReason};
use fanfare_domain::delivery::StateName;
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::policy::PolicyPatch;
use fanfare_testkit::builders::endpoint;
use fanfare_testkit::scripted_sender::Answer;

use crate::world::{URL, World, millis, pass, seconds};

const HOUR: u64 = 3_600;

fn draft(policy: PolicyPatch) -> EndpointDraft {
    EndpointDraft {
        policy: Some(PolicyPatch {
            jitter: Some(0.0),
            ..policy
        }),
        ..endpoint(URL)
    }
}

/// Tries each delivery again and again.
fn patient() -> PolicyPatch {
    PolicyPatch {
        waits: Some(vec![seconds(0); 50]),
        ..PolicyPatch::default()
    }
}

fn state(world: &World, endpoint: &Endpoint) -> BreakerState {
    world.dispatch().health(endpoint.id).breaker
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_only_fails_is_asked_by_probes_only_and_what_waits_is_in_the_store() {
    let world = World::new().await;
    let made = world.endpoint(URL).await;
    world.ground.sender.always(URL, Answer::status(500));
    world.publish_many(2_000).await;
    pass(seconds(4)).await;
    let opened = match state(&world, &made) {
        BreakerState::Open { opened, .. } | BreakerState::Probing { opened } => opened,
        BreakerState::Closed => panic!("it is closed"),
    };
    assert_eq!(opened.reason, OpenReason::FailuresInARow);
    let first = world.ground.sender.count();
    assert!((20..60).contains(&first), "{first}");
    pass(seconds(HOUR)).await;
    // 2, 4, 8, ... seconds apart, at most 10 minutes: about 14 probes in an hour.
    let probes = world.ground.sender.count() - first;
    assert!((10..22).contains(&probes), "{probes}");
    let footprint = world.engine.footprint();
    assert!(footprint.payload_bytes < 20_000, "{footprint:?}");
    assert_eq!(world.count(StateName::Waiting).await, 2_000);
    let attempts: usize = world
        .rows()
        .await
        .iter()
        .map(|row| usize::from(row.attempts))
        .sum();
    assert_eq!(attempts, world.ground.sender.count());

    world.ground.sender.always(URL, Answer::status(200));
    pass(seconds(15 * 60)).await;
    assert_eq!(state(&world, &made), BreakerState::Closed);
    pass(seconds(6 * HOUR)).await;
    assert_eq!(world.count(StateName::Delivered).await, 2_000);
    assert_eq!(world.engine.footprint().lanes, 0);
}

#[tokio::test(start_paused = true)]
async fn probes_go_round_so_that_one_poisonous_payload_does_not_hold_it_open() {
    let world = World::new().await;
    let made = world.endpoint_with(draft(patient())).await;
    world.ground.sender.always(URL, Answer::status(500));
    let events = world.publish_many(100).await;
    pass(seconds(600)).await;
    assert!(!matches!(state(&world, &made), BreakerState::Closed));
    let ids = world.ids_sent_to(URL);
    let probes = &ids[ids.len() - 6..];
    for pair in probes.windows(2) {
        assert_ne!(pair[0], pair[1], "{probes:?}");
    }

    // Now all but one would arrive.
    let poison = events[0].public_id();
    let bad = poison.clone();
    let answer = move |sent: &fanfare_testkit::scripted_sender::Sent| {
        Answer::status(if sent.webhook_id() == bad { 500 } else { 200 })
    };
    world.ground.sender.forget(URL);
    world.ground.sender.decide(answer);
    // A probe is due within ten minutes, and at most one of two is the poisonous one.
    pass(seconds(1_201)).await;
    assert_eq!(world.count(StateName::Delivered).await, 99);
}

#[tokio::test(start_paused = true)]
async fn the_total_time_runs_on_behind_an_open_breaker() {
    let world = World::quiet().await;
    let policy = PolicyPatch {
        total_time: Some(seconds(HOUR)),
        ..PolicyPatch::default()
    };
    world.endpoint_with(draft(policy)).await;
    world.ground.sender.always(URL, Answer::status(500));
    world.publish_many(500).await;
    pass(seconds(HOUR - 60)).await;
    assert_eq!(world.count(StateName::Failed).await, 0);
    pass(seconds(20 * 60)).await;
    // The time of the few that were probes began with their first attempt.
    assert!(world.count(StateName::Failed).await > 480);
    pass(seconds(HOUR)).await;
    assert_eq!(world.count(StateName::Failed).await, 500);
    for row in world.rows().await {
        assert!(row.attempts < 5, "{}", row.attempts);
        assert_eq!(world.attempts(&row).await.len(), usize::from(row.attempts));
    }
    assert_eq!(world.engine.footprint().payload_bytes, 0);
}

#[tokio::test(start_paused = true)]
async fn without_a_total_time_nothing_waits_longer_than_its_waits_take_or_an_hour() {
    let world = World::quiet().await;
    let policy = PolicyPatch {
        waits: Some(vec![seconds(0), seconds(5)]),
        ..PolicyPatch::default()
    };
    world.endpoint_with(draft(policy)).await;
    world.ground.sender.always(URL, Answer::status(500));
    world.publish_many(500).await;
    pass(seconds(HOUR - 60)).await;
    assert!(world.count(StateName::Waiting).await > 400);
    pass(seconds(20 * 60)).await;
    assert!(world.count(StateName::Failed).await > 480);
    pass(seconds(HOUR)).await;
    assert_eq!(world.count(StateName::Failed).await, 500);
}

#[tokio::test(start_paused = true)]
async fn a_change_by_the_owner_lets_it_probe_at_once() {
    let world = World::new().await;
    let made = world.endpoint(URL).await;
    world.ground.sender.always(URL, Answer::status(500));
    world.publish_many(100).await;
    pass(seconds(1_800)).await;
    world.ground.sender.always(URL, Answer::status(200));
    let before = world.ground.sender.count();
    pass(seconds(1)).await;
    assert_eq!(world.ground.sender.count(), before);
    world.change(made.id, endpoint(URL)).await;
    pass(seconds(1)).await;
    assert!(world.ground.sender.count() > before);
    assert_eq!(state(&world, &made), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_somebody_asks_for_is_made_whatever_the_breaker_says_and_closes_it() {
    let world = World::new().await;
    let made = world.endpoint(URL).await;
    world.ground.sender.always(URL, Answer::status(500));
    let events = world.publish_many(100).await;
    pass(seconds(1_800)).await;
    world.ground.sender.always(URL, Answer::status(200));
    let waiting = world.delivery(&events[60]).await;
    world.dispatch().extra(waiting.clone());
    pass(millis(100)).await;
    assert_eq!(state(&world, &made), BreakerState::Closed);
    assert_eq!(
        world.delivery(&events[60]).await.state.name(),
        StateName::Delivered
    );
}

#[tokio::test(start_paused = true)]
async fn a_mostly_healthy_endpoint_keeps_it_closed() {
    let world = World::quiet().await;
    let made = world.endpoint(URL).await;
    let mut count = 0;
    world.ground.sender.decide(move |_| {
        count += 1;
        Answer::status(if count % 3 == 0 { 500 } else { 200 })
    });
    for _ in 0..40 {
        world.publish_many(25).await;
        assert_eq!(state(&world, &made), BreakerState::Closed);
        pass(millis(500)).await;
    }
    pass(seconds(100 * HOUR)).await;
    assert_eq!(world.count(StateName::Delivered).await, 1_000);
}

#[tokio::test(start_paused = true)]
async fn switched_off_it_never_opens() {
    let world = World::quiet().await;
    let policy = PolicyPatch {
        waits: Some(vec![seconds(0), seconds(5)]),
        breaker: Some(BreakerPatch::off()),
        ..PolicyPatch::default()
    };
    let made = world.endpoint_with(draft(policy)).await;
    world.ground.sender.always(URL, Answer::status(500));
    world.publish_many(200).await;
    pass(seconds(60)).await;
    assert_eq!(state(&world, &made), BreakerState::Closed);
    assert_eq!(world.ids_sent_to(URL).len(), 400);
    assert_eq!(world.count(StateName::Failed).await, 200);
}

#[tokio::test(start_paused = true)]
async fn of_an_endpoint_whose_breaker_opened_at_another_node_one_attempt_finds_out() {
    let world = World::new().await;
    let made = world.endpoint(URL).await;
    let slow = |status| Answer::status(status).after(seconds(1));
    world.ground.sender.always(URL, slow(500));
    let elsewhere = |news| world.dispatch().breaker_elsewhere(made.id, news);
    elsewhere(BreakerNews::Opened);
    world.publish_many(10).await;
    pass(millis(2_000)).await;
    assert_eq!(world.ground.sender.count(), 1);
    let found = state(&world, &made);
    assert!(matches!(found, BreakerState::Open { .. }), "{found:?}");

    // Nothing is waited for once it may take something again.
    world.ground.sender.always(URL, slow(200));
    elsewhere(BreakerNews::Closed);
    pass(millis(1_500)).await;
    assert_eq!(world.count(StateName::Delivered).await, 1);
    assert_eq!(state(&world, &made), BreakerState::Closed);
    pass(seconds(20)).await;
    assert_eq!(world.count(StateName::Delivered).await, 10);
}

#[tokio::test(start_paused = true)]
async fn what_was_only_heard_of_an_endpoint_is_forgotten_when_another_nodes_breaker_closed() {
    let world = World::new().await;
    let made = world.endpoint(URL).await;
    let elsewhere = |news| world.dispatch().breaker_elsewhere(made.id, news);
    elsewhere(BreakerNews::Opened);
    assert!(matches!(state(&world, &made), BreakerState::Open { .. }));
    elsewhere(BreakerNews::Closed);
    assert_eq!(state(&world, &made), BreakerState::Closed);
    let slow = Answer::status(200).after(seconds(1));
    world.ground.sender.always(URL, slow);
    world.publish_many(5).await;
    pass(millis(500)).await;
    assert_eq!(world.ground.sender.count(), 5, "none waits for a probe");
}
