//! Events that are due later, and deliveries that end at a time.

use std::time::Duration;

use fanfare_app::UseCaseError;
use fanfare_app::event_types::EventTypeDraft;
use fanfare_app::port::Clock;
use fanfare_app::publish::EventDraft;
use fanfare_app::retention::Retention;
use fanfare_delivery::EngineOptions;
use fanfare_domain::delivery::{Delivery, DeliveryState, DiscardedReason, StateName};
use fanfare_domain::policy::PolicyPatch;
use fanfare_domain::time::Timestamp;
use fanfare_testkit::builders::{acme, endpoint, event};
use fanfare_testkit::scripted_sender::Answer;

use crate::world::{URL, World, due, pass, seconds};

const DAY: u64 = 24 * 3_600;

fn ahead(world: &World, span: Duration) -> Timestamp {
    world.ground.clock.now().after(span)
}

fn due_in(world: &World, span: Duration) -> EventDraft {
    EventDraft {
        deliver_at: Some(ahead(world, span)),
        ..event()
    }
}

fn ends_in(world: &World, span: Duration) -> EventDraft {
    EventDraft {
        expires_at: Some(ahead(world, span)),
        ..event()
    }
}

/// When a delivery expired; none when it has not.
fn expired_at(delivery: &Delivery) -> Option<Timestamp> {
    match delivery.state {
        DeliveryState::Discarded {
            at,
            reason: DiscardedReason::Expired,
        } => Some(at),
        _ => None,
    }
}

fn sent_at(world: &World) -> Vec<Timestamp> {
    let sent = world.ground.sender.sent_to(URL);
    sent.iter().map(|sent| sent.at).collect()
}

#[tokio::test(start_paused = true)]
async fn an_event_is_sent_at_its_time_and_not_before() {
    let world = World::quiet().await;
    world.endpoint(URL).await;
    let at = ahead(&world, seconds(30 * DAY));
    let later = world.publish_draft(due_in(&world, seconds(30 * DAY))).await;
    pass(seconds(5)).await;
    let row = world.delivery(&later).await;
    assert_eq!((due(&row), row.attempts), (at, 0));
    pass(seconds(30 * DAY - 6)).await;
    assert_eq!(sent_at(&world), []);
    pass(seconds(2)).await;
    assert_eq!(sent_at(&world), [at]);
    assert_eq!(world.count(StateName::Delivered).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_time_that_has_passed_is_as_none() {
    let world = World::new().await;
    world.endpoint(URL).await;
    let now = world.ground.clock.now();
    for at in [now.before(seconds(DAY)), now] {
        let draft = EventDraft {
            deliver_at: Some(at),
            ..event()
        };
        world.publish_draft(draft).await;
    }
    pass(Duration::from_millis(1)).await;
    assert_eq!(sent_at(&world), [now, now]);
}

#[tokio::test(start_paused = true)]
async fn the_policys_waits_count_from_the_time() {
    let world = World::new().await;
    let mut draft = endpoint(URL);
    draft.policy = Some(PolicyPatch {
        waits: Some(vec![seconds(10), seconds(20)]),
        jitter: Some(0.0),
        ..PolicyPatch::default()
    });
    world.endpoint_with(draft).await;
    world.ground.sender.always(URL, Answer::status(500));
    let start = world.ground.clock.now();
    world.publish_draft(due_in(&world, seconds(100))).await;
    pass(seconds(200)).await;
    let expected = [110, 130].map(|after| start.after(seconds(after)));
    assert_eq!(sent_at(&world), expected);
}

#[tokio::test(start_paused = true)]
async fn times_survive_crashes_at_any_moment() {
    for moment in [0, 1, 500, 1_500, 30_000] {
        let world = World::new().await;
        world.endpoint(URL).await;
        let start = world.ground.clock.now();
        for _ in 0..20 {
            let draft = EventDraft {
                expires_at: Some(ahead(&world, seconds(120))),
                ..due_in(&world, seconds(60))
            };
            world.publish_draft(draft).await;
        }
        pass(Duration::from_millis(moment)).await;
        let world = world.crash().await;
        pass(seconds(20)).await;
        let world = world.crash().await;
        pass(seconds(100)).await;
        let sent = sent_at(&world);
        assert_eq!(sent.len(), 20, "{moment}");
        let (from, to) = (start.after(seconds(60)), start.after(seconds(61)));
        assert!(sent.iter().all(|at| (from..to).contains(at)), "{moment}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_events_for_later_fills_no_memory_and_arrives() {
    let options = EngineOptions {
        memory_bytes: 64 * 1_024,
        ..EngineOptions::default()
    };
    let world = World::with(options).await;
    world.endpoint(URL).await;
    for number in 0..3_000 {
        world
            .publish_draft(due_in(&world, seconds(600 + number % 60)))
            .await;
    }
    pass(seconds(30)).await;
    let footprint = world.engine.footprint();
    assert_eq!(footprint.payload_bytes, 0, "{footprint:?}");
    // What comes now is not held up by them.
    world.publish().await;
    pass(seconds(1)).await;
    assert_eq!(sent_at(&world).len(), 1);
    pass(seconds(900)).await;
    assert_eq!(world.count(StateName::Delivered).await, 3_001);
    assert_eq!(sent_at(&world).len(), 3_001);
}

#[tokio::test(start_paused = true)]
async fn what_has_not_ended_at_its_end_is_discarded_then() {
    let world = World::new().await;
    world.endpoint(URL).await;
    world.ground.sender.always(URL, Answer::status(500));
    let end = ahead(&world, seconds(60));
    let failing = world.publish_draft(ends_in(&world, seconds(60))).await;
    pass(seconds(30)).await;
    // The policy would come again after five minutes.
    assert_eq!(due(&world.delivery(&failing).await), end);
    pass(seconds(31)).await;
    let row = world.delivery(&failing).await;
    assert_eq!((expired_at(&row), row.attempts), (Some(end), 2));
    pass(seconds(3_600)).await;
    assert_eq!(sent_at(&world).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_under_way_at_the_end_still_counts() {
    for (status, delivered) in [(200, true), (500, false)] {
        let world = World::new().await;
        world.endpoint(URL).await;
        let answer = Answer::status(status).after(seconds(10));
        world.ground.sender.always(URL, answer);
        let event = world.publish_draft(ends_in(&world, seconds(5))).await;
        pass(seconds(60)).await;
        let row = world.delivery(&event).await;
        assert_eq!(expired_at(&row).is_none(), delivered, "{row:?}");
        assert_eq!(row.state.name() == StateName::Delivered, delivered);
        assert_eq!(row.attempts, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_lane_does_not_get_to_ends_all_the_same() {
    let options = EngineOptions {
        lane_queue: 16,
        lane_concurrency_start: 1,
        lane_concurrency_most: 1,
        ..EngineOptions::default()
    };
    let world = World::with(options).await;
    let mut draft = endpoint(URL);
    draft.policy = Some(PolicyPatch {
        timeout: Some(seconds(60)),
        ..PolicyPatch::default()
    });
    world.endpoint_with(draft).await;
    world.ground.sender.always(URL, Answer::hang());
    let mut events = Vec::new();
    for _ in 0..100 {
        events.push(world.publish_draft(ends_in(&world, seconds(20))).await);
    }
    // The scan comes every ten seconds.
    pass(seconds(31)).await;
    let mut open = 0;
    for event in &events {
        let row = world.delivery(event).await;
        open += usize::from(expired_at(&row).is_none());
    }
    // The one under way.
    assert_eq!(open, 1);
    pass(seconds(60)).await;
    assert_eq!(world.count(StateName::Discarded).await, 100);
    assert_eq!(sent_at(&world).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_came_while_the_engine_was_down_is_kept() {
    let world = World::new().await;
    world.endpoint(URL).await;
    world.ground.sender.always(URL, Answer::status(500));
    for _ in 0..10 {
        world.publish_draft(ends_in(&world, seconds(60))).await;
    }
    pass(seconds(30)).await;
    let sent = sent_at(&world).len();
    let ground = world.ground.crash();
    pass(seconds(60)).await;
    let world = World::on(ground, EngineOptions::default()).await;
    pass(seconds(5)).await;
    assert_eq!(world.count(StateName::Discarded).await, 10);
    assert_eq!(sent_at(&world).len(), sent);
}

#[tokio::test(start_paused = true)]
async fn a_replay_of_an_expired_delivery_has_no_end() {
    let world = World::new().await;
    world.endpoint(URL).await;
    world.ground.sender.next(URL, [Answer::status(500)]);
    let event = world.publish_draft(ends_in(&world, seconds(3))).await;
    pass(seconds(60)).await;
    let row = world.delivery(&event).await;
    assert!(expired_at(&row).is_some());
    let id = row.id.to_string();
    world.fanfare.retry(&acme(), &id).await.unwrap();
    pass(seconds(1)).await;
    assert_eq!(world.count(StateName::Delivered).await, 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_can_have_it_sent_before_its_time() {
    let world = World::new().await;
    world.endpoint(URL).await;
    let event = world.publish_draft(due_in(&world, seconds(60))).await;
    pass(seconds(5)).await;
    let id = world.delivery(&event).await.id.to_string();
    let refused = world.fanfare.retry(&acme(), &id).await.unwrap_err();
    assert!(matches!(refused, UseCaseError::Conflict(_)), "{refused}");
    pass(seconds(5)).await;
    assert_eq!(sent_at(&world), []);
}

#[tokio::test(start_paused = true)]
async fn retention_leaves_what_is_due_later() {
    let world = World::quiet().await;
    world.endpoint(URL).await;
    let later = world.publish_draft(due_in(&world, seconds(20 * DAY))).await;
    let now = world.publish().await;
    pass(seconds(2 * DAY)).await;
    let hour = seconds(3_600);
    let retention = Retention {
        payloads: hour,
        attempts: hour,
        events: hour,
    };
    let taken = world.fanfare.retain(&retention).await.unwrap();
    assert_eq!((taken.events, taken.deliveries), (1, 1));
    assert_eq!(world.row(&now, 0).await, None);
    pass(seconds(19 * DAY)).await;
    let row = world.delivery(&later).await;
    assert_eq!(row.state.name(), StateName::Delivered);
}

#[tokio::test(start_paused = true)]
async fn impossible_times_are_refused_with_the_reason() {
    let world = World::new().await;
    let now = world.ground.clock.now();
    let cases = [
        (Some(now.after(seconds(30 * DAY + 1))), None, "#/deliver_at"),
        (None, Some(now), "#/expires_at"),
        (
            Some(now.after(seconds(60))),
            Some(now.after(seconds(60))),
            "#/expires_at",
        ),
    ];
    for (deliver_at, expires_at, place) in cases {
        let draft = EventDraft {
            deliver_at,
            expires_at,
            ..event()
        };
        let refused = world.fanfare.publish(acme(), draft, None).await;
        let Err(UseCaseError::Invalid(faults)) = refused else {
            panic!("{refused:?}");
        };
        let places: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(places, [place]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_with_the_same_id_and_another_time_says_something_else() {
    let world = World::new().await;
    let with = |deliver_at, expires_at| EventDraft {
        uid: Some("once".to_owned()),
        deliver_at,
        expires_at,
        ..event()
    };
    let soon = Some(ahead(&world, seconds(60)));
    let publish = async |draft| world.fanfare.publish(acme(), draft, None).await;
    assert!(!publish(with(soon, None)).await.unwrap().repeated);
    assert!(publish(with(soon, None)).await.unwrap().repeated);
    for other in [
        with(None, None),
        with(None, soon),
        with(soon, Some(ahead(&world, seconds(90)))),
    ] {
        assert!(matches!(
            publish(other).await,
            Err(UseCaseError::Conflict(_))
        ));
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_type_has_a_policy_of_its_own_and_the_endpoints_own_goes_before_it() {
    let world = World::quiet().await;
    let environment = acme().environment;
    let name = "code.sent";
    let draft = |policy| EventTypeDraft {
        name: Some(name.to_owned()),
        policy: Some(policy),
        ..EventTypeDraft::default()
    };
    let policy = PolicyPatch {
        waits: Some(vec![seconds(1), seconds(2), seconds(3)]),
        jitter: Some(0.0),
        ..PolicyPatch::default()
    };
    let fanfare = &world.fanfare;
    fanfare
        .create_event_type(&environment, draft(policy), Vec::new())
        .await
        .unwrap();
    world.endpoint(URL).await;
    let own = "https://own.example/";
    let mut endpoint = endpoint(own);
    endpoint.policy = Some(PolicyPatch {
        waits: Some(vec![seconds(0), seconds(50)]),
        ..PolicyPatch::default()
    });
    world.endpoint_with(endpoint).await;
    for url in [URL, own] {
        world.ground.sender.always(url, Answer::status(500));
    }
    let code = || EventDraft {
        event_type: Some(name.to_owned()),
        ..event()
    };
    let offsets = |url: &str, start: Timestamp| {
        let sent = world.ground.sender.sent_to(url);
        let after = sent.iter().filter(|sent| sent.at >= start);
        after
            .map(|sent| sent.at.since(start).as_secs())
            .collect::<Vec<_>>()
    };
    let start = world.ground.clock.now();
    world.publish_draft(code()).await;
    pass(seconds(3 * DAY)).await;
    assert_eq!(offsets(URL, start), [1, 3, 6]);
    // Its waits are its own, and without a jitter of its own it has the type's.
    assert_eq!(offsets(own, start), [0, 50]);
    // Another type is as usual.
    let start = world.ground.clock.now();
    let usual = world.publish().await;
    pass(seconds(60)).await;
    assert_eq!(offsets(URL, start), [0, 5]);
    world.ground.sender.always(URL, Answer::status(200));
    pass(seconds(600)).await;
    let row = world.row(&usual, 0).await.expect("a row");
    assert_eq!(row.state.name(), StateName::Delivered);
    world.ground.sender.always(URL, Answer::status(500));
    // From the change on, also for what waits.
    let start = world.ground.clock.now();
    world.publish_draft(code()).await;
    pass(Duration::from_millis(3_500)).await;
    fanfare
        .replace_event_type(
            &environment,
            name,
            draft(PolicyPatch::default()),
            Vec::new(),
        )
        .await
        .unwrap();
    pass(seconds(2_000)).await;
    assert_eq!(offsets(URL, start), [1, 3, 6, 1_806]);
}

#[tokio::test(start_paused = true)]
async fn a_payload_goes_at_its_own_time_once_nothing_waits_for_it() {
    let world = World::new().await;
    world.endpoint(URL).await;
    let day = Duration::from_secs(DAY);
    let kept_for = |span| EventDraft {
        data_until: Some(ahead(&world, span)),
        ..event()
    };
    let short = world.publish_draft(kept_for(day)).await;
    let long = world.publish_draft(kept_for(3 * day)).await;
    let usual = world.publish().await;
    let waits = EventDraft {
        deliver_at: Some(ahead(&world, 2 * day)),
        ..kept_for(day)
    };
    let waits = world.publish_draft(waits).await;
    let retention = Retention {
        payloads: 30 * day,
        attempts: 30 * day,
        events: 90 * day,
    };
    pass(day + seconds(60)).await;
    assert_eq!(world.fanfare.retain(&retention).await.unwrap().payloads, 1);
    let gone = async |event: &fanfare_app::port::log::Event| {
        let id = event.id.to_string();
        let event = world.fanfare.event(&acme(), &id).await.unwrap();
        event.payload_gone()
    };
    assert!(gone(&short).await);
    for event in [&long, &usual, &waits] {
        assert!(!gone(event).await);
    }
    pass(day).await;
    assert_eq!(world.count(StateName::Delivered).await, 4);
    assert_eq!(world.fanfare.retain(&retention).await.unwrap().payloads, 1);
    assert!(gone(&waits).await && !gone(&long).await);
}
