//! The schedule of attempts.

use std::time::Duration;

use fanfare_domain::attempt::ErrorKind;
use fanfare_domain::delivery::{DeliveryState, FailedReason};
use fanfare_domain::policy::PolicyPatch;
use fanfare_testkit::builders::endpoint;
use fanfare_testkit::scripted_sender::Answer;

use crate::world::{URL, World, due, millis, pass, seconds};

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;
/// The native policy's waits after each failure.
const WAITS: [u64; 9] = [
    5,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
];

/// Timers are as fine as a millisecond.
const GRAIN: Duration = Duration::from_millis(2);

async fn gaps_between_attempts(world: &World, answer: Answer) -> Vec<Duration> {
    world.ground.sender.always(URL, answer);
    world.publish().await;
    pass(seconds(100 * HOUR)).await;
    let sent = world.ground.sender.sent_to(URL);
    sent.windows(2)
        .map(|pair| pair[1].at.since(pair[0].at))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn ten_attempts_are_made_each_so_long_after_the_failure_before() {
    let world = World::quiet().await;
    world.endpoint(URL).await;
    let took = seconds(3);
    let gaps = gaps_between_attempts(&world, Answer::status(500).after(took)).await;
    assert_eq!(gaps.len(), WAITS.len());
    for (gap, wait) in gaps.into_iter().zip(WAITS) {
        let wanted = took + seconds(wait);
        assert!(
            (wanted..wanted + GRAIN).contains(&gap),
            "{gap:?} {wanted:?}"
        );
    }
    let row = &world.rows().await[0];
    assert_eq!((row.attempts, row.last_status), (10, Some(500)));
    let reason = FailedReason::Exhausted;
    assert!(matches!(row.state, DeliveryState::Failed { reason: r, .. } if r == reason));
    assert_eq!(world.attempts(row).await.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn jitter_only_stretches_a_wait() {
    let world = World::quiet().await;
    let mut draft = endpoint(URL);
    draft.policy = None;
    world.endpoint_with(draft).await;
    let gaps = gaps_between_attempts(&world, Answer::error(ErrorKind::ConnectionRefused)).await;
    assert_eq!(gaps.len(), WAITS.len());
    for (gap, wait) in gaps.iter().zip(WAITS) {
        let wanted = seconds(wait);
        let most = wanted.mul_f64(1.1) + GRAIN;
        assert!((wanted..most).contains(gap), "{gap:?} {wanted:?}");
    }
    let exact = |(gap, wait): (&Duration, u64)| *gap < seconds(wait) + GRAIN;
    assert!(!gaps.iter().zip(WAITS).all(exact), "no jitter at all");
}

#[tokio::test(start_paused = true)]
async fn a_success_ends_the_schedule() {
    let world = World::new().await;
    world.endpoint(URL).await;
    let fails = [Answer::hang(), Answer::status(302)];
    world.ground.sender.next(URL, fails);
    let event = world.publish().await;
    pass(seconds(HOUR)).await;
    assert_eq!(world.ids_sent_to(URL).len(), 3);
    let delivery = world.delivery(&event).await;
    assert!(matches!(delivery.state, DeliveryState::Delivered { .. }));
    assert_eq!((delivery.attempts, delivery.last_error), (3, None));
    let attempts = world.attempts(&delivery).await;
    let first = attempts[0].error.as_ref().map(|error| error.kind);
    assert_eq!(first, Some(ErrorKind::Timeout));
    assert_eq!(attempts[0].timings.total, seconds(15));
}

async fn second_attempt_after(value: &str) -> Duration {
    let world = World::quiet().await;
    world.endpoint(URL).await;
    let answer = Answer::status(503).header("retry-after", value);
    world.ground.sender.next(URL, [answer]);
    world.publish().await;
    pass(seconds(30 * HOUR)).await;
    let sent = world.ground.sender.sent_to(URL);
    assert_eq!(sent.len(), 2);
    sent[1].at.since(sent[0].at)
}

#[tokio::test(start_paused = true)]
async fn retry_after_in_seconds_puts_the_next_attempt_off() {
    let gap = second_attempt_after("90").await;
    assert!((seconds(90)..seconds(90) + GRAIN).contains(&gap), "{gap:?}");
}

#[tokio::test(start_paused = true)]
async fn retry_after_never_brings_the_next_attempt_forward() {
    let gap = second_attempt_after("1").await;
    assert!((seconds(5)..seconds(5) + GRAIN).contains(&gap), "{gap:?}");
}

#[tokio::test(start_paused = true)]
async fn retry_after_as_a_date_puts_the_next_attempt_off() {
    // An hour after virtual time begins.
    let gap = second_attempt_after("Mon, 21 Sep 2026 15:13:20 GMT").await;
    let (least, most) = (seconds(HOUR - 1), seconds(HOUR) + GRAIN);
    assert!((least..most).contains(&gap), "{gap:?}");
}

#[tokio::test(start_paused = true)]
async fn retry_after_counts_for_a_day_at_most() {
    let gap = second_attempt_after("9999999999999999999999").await;
    let day = seconds(24 * HOUR);
    assert!((day..day + GRAIN).contains(&gap), "{gap:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_before_the_first_attempt_is_kept() {
    let world = World::new().await;
    let mut draft = endpoint(URL);
    draft.policy = Some(PolicyPatch {
        waits: Some(vec![seconds(30), seconds(1)]),
        jitter: Some(0.0),
        ..PolicyPatch::default()
    });
    world.endpoint_with(draft).await;
    let event = world.publish().await;
    pass(seconds(20)).await;
    assert!(world.ids_sent_to(URL).is_empty());
    assert_eq!(
        due(&world.delivery(&event).await),
        event.created_at.after(seconds(30))
    );
    pass(seconds(20)).await;
    let sent = world.ground.sender.sent_to(URL);
    let wait = sent[0].at.since(event.created_at);
    assert!(
        (seconds(30)..seconds(30) + GRAIN).contains(&wait),
        "{wait:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn no_attempt_begins_after_the_total_time() {
    let world = World::new().await;
    let mut draft = endpoint(URL);
    draft.policy = Some(PolicyPatch {
        total_time: Some(seconds(4)),
        jitter: Some(0.0),
        ..PolicyPatch::default()
    });
    world.endpoint_with(draft).await;
    world
        .ground
        .sender
        .always(URL, Answer::status(500).after(millis(100)));
    let event = world.publish().await;
    pass(seconds(MINUTE)).await;
    assert_eq!(world.ids_sent_to(URL).len(), 1);
    let state = world.delivery(&event).await.state;
    assert!(matches!(state, DeliveryState::Failed { .. }), "{state:?}");
}
