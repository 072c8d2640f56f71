//! Endpoints that do nothing but fail for days: their owner is warned, then they are disabled.

use fanfare_domain::endpoint::{DisabledReason, Endpoint, Failing};
use fanfare_domain::policy::PolicyPatch;
use fanfare_testkit::builders::endpoint;
use fanfare_testkit::scripted_sender::Answer;

use crate::world::{URL, World, pass, seconds};

const HOUR: u64 = 3_600;

/// Publishes every six hours for so long.
async fn days(world: &World, days: f64) {
    let quarters = (days * 4.0).round() as usize;
    for _ in 0..quarters {
        world.publish().await;
        pass(seconds(6 * HOUR)).await;
    }
}

async fn failing(world: &World, endpoint: &Endpoint) -> Option<Failing> {
    world.stored(endpoint).await.failing
}

#[tokio::test(start_paused = true)]
async fn after_five_days_of_nothing_but_failures_it_is_disabled_and_warned_of_before() {
    let world = World::quiet().await;
    let made = world.endpoint(URL).await;
    world.ground.sender.always(URL, Answer::status(500));
    let mut warnings = Vec::new();
    for _ in 0..30 {
        let now = world.stored(&made).await;
        if now.disabled.is_some() {
            break;
        }
        warnings.push(now.failing.map_or(0, |failing| failing.warnings));
        days(&world, 0.25).await;
    }
    let disabled = world.stored(&made).await.disabled.expect("disabled");
    assert_eq!(disabled.reason, DisabledReason::Failing);
    let first = world.ground.sender.sent_to(URL)[0].at;
    let after = disabled.since.since(first);
    let day = 24 * HOUR;
    assert!(
        (seconds(5 * day)..seconds(5 * day + 8 * HOUR)).contains(&after),
        "{after:?}"
    );
    // One warning after another, each once.
    assert!(warnings.is_sorted(), "{warnings:?}");
    warnings.dedup();
    assert_eq!(warnings, [0, 1, 2, 3]);
    assert_eq!(failing(&world, &made).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_restart_forgets_neither_since_when_it_fails_nor_the_warnings() {
    let world = World::quiet().await;
    let made = world.endpoint(URL).await;
    world.ground.sender.always(URL, Answer::status(500));
    days(&world, 3.0).await;
    let before = failing(&world, &made).await.expect("failing");
    assert_eq!(before.warnings, 1);
    let world = world.crash().await;
    let health = world.dispatch().health(made.id);
    assert_eq!(health.failing_since, Some(before.since));
    days(&world, 1.0).await;
    let now = failing(&world, &made).await.expect("failing");
    assert_eq!((now.since, now.warnings), (before.since, 2));
    let world = world.crash().await;
    days(&world, 1.5).await;
    let disabled = world.stored(&made).await.disabled.expect("disabled");
    assert_eq!(disabled.reason, DisabledReason::Failing);
}

#[tokio::test(start_paused = true)]
async fn one_success_begins_the_time_anew() {
    let world = World::quiet().await;
    let made = world.endpoint(URL).await;
    world.ground.sender.always(URL, Answer::status(500));
    days(&world, 4.75).await;
    assert_eq!(failing(&world, &made).await.map(|it| it.warnings), Some(3));
    world.ground.sender.next(URL, [Answer::status(200)]);
    days(&world, 1.0).await;
    let now = failing(&world, &made).await.expect("failing again");
    assert_eq!(now.warnings, 0);
    days(&world, 3.0).await;
    assert!(world.stored(&made).await.enabled());
}

#[tokio::test(start_paused = true)]
async fn what_an_owner_changes_forgives_what_failed_before() {
    let world = World::quiet().await;
    let made = world.endpoint(URL).await;
    world.ground.sender.always(URL, Answer::status(500));
    days(&world, 3.0).await;
    assert!(failing(&world, &made).await.is_some());
    let other = "https://receiver.example/other";
    world.change(made.id, endpoint(other)).await;
    assert_eq!(failing(&world, &made).await, None);
    assert_eq!(world.dispatch().health(made.id).failing_since, None);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_while_the_state_stays() {
    let world = World::quiet().await;
    let made = world.endpoint(URL).await;
    world.ground.sender.always(URL, Answer::status(500));
    let revision = || world.ground.directory.revision();
    let before = revision();
    world.publish_many(100).await;
    pass(seconds(HOUR / 2)).await;
    assert_eq!(revision(), before);
    world.publish_many(100).await;
    pass(seconds(24 * HOUR)).await;
    assert!(world.ground.sender.count() > 150);
    assert_eq!(revision(), before + 1);
    assert_eq!(world.stored(&made).await.updated_at, made.updated_at);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_whose_policy_never_disables_stays_enabled() {
    let world = World::quiet().await;
    let mut draft = endpoint(URL);
    draft.policy = Some(PolicyPatch {
        disable_after: Some(seconds(0)),
        ..PolicyPatch::default()
    });
    let made = world.endpoint_with(draft).await;
    world.ground.sender.always(URL, Answer::status(500));
    days(&world, 8.0).await;
    let now = world.stored(&made).await;
    assert!(now.enabled() && now.failing.is_none());
}
