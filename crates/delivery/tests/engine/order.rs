//! Endpoints whose deliveries stand in an order.

use std::sync::Arc;

use fanfare_app::endpoints::EndpointDraft;
use fanfare_app::port::log::Event;
use fanfare_app::publish::EventDraft;
use fanfare_delivery::EngineOptions;
use fanfare_domain::delivery::{DeliveryState, StateName};
use fanfare_domain::order::{OnFailure, Ordering};
use fanfare_testkit::builders::{acme, endpoint, event};
use fanfare_testkit::memory_store::{Call, Moment};
use fanfare_testkit::scripted_sender::Answer;

use crate::world::{URL, World, millis, pass, seconds};

fn draft(ordering: Ordering, on_failure: OnFailure, waits: &[u64]) -> EndpointDraft {
    let mut draft = endpoint(URL);
    if let Some(policy) = &mut draft.policy {
        policy.waits = Some(waits.iter().copied().map(seconds).collect());
    }
    draft.ordering = Some(ordering);
    draft.on_failure = Some(on_failure);
    draft
}

fn strict(waits: &[u64]) -> EndpointDraft {
    draft(Ordering::Strict, OnFailure::Pass, waits)
}

fn keyed(key: &str) -> EventDraft {
    EventDraft {
        ordering_key: Some(key.to_owned()),
        ..event()
    }
}

fn names(events: &[Arc<Event>]) -> Vec<String> {
    events.iter().map(|event| event.public_id()).collect()
}

#[tokio::test(start_paused = true)]
async fn strict_order_is_kept_over_failures_one_at_a_time() {
    let world = World::new().await;
    world.endpoint_with(strict(&[0, 2, 2])).await;
    world
        .ground
        .sender
        .always(URL, Answer::status(200).after(millis(3)));
    let answers = [200, 200, 500, 500, 200].map(|status| Answer::status(status).after(millis(3)));
    world.ground.sender.next(URL, answers);
    let events = world.publish_many(500).await;
    pass(seconds(60)).await;
    let mut wanted = names(&events);
    let third = wanted[2].clone();
    wanted.splice(2..2, [third.clone(), third]);
    assert_eq!(world.ids_sent_to(URL), wanted);
    let sent = world.ground.sender.sent_to(URL);
    assert!(sent.iter().all(|sent| sent.under_way == 1));
    assert_eq!(world.count(StateName::Delivered).await, 500);
    let footprint = world.engine.footprint();
    assert_eq!((footprint.payload_bytes, footprint.without_row), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_arrives_lets_the_next_go_before_its_commit() {
    let world = World::new().await;
    world.endpoint_with(strict(&[0])).await;
    world.publish_many(200).await;
    pass(millis(200)).await;
    // One commit takes some milliseconds to gather.
    assert_eq!(world.ids_sent_to(URL).len(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_fails_for_good_is_passed() {
    let world = World::new().await;
    world.endpoint_with(strict(&[0, 1])).await;
    world
        .ground
        .sender
        .next(URL, [Answer::status(500), Answer::status(500)]);
    let events = world.publish_many(3).await;
    pass(seconds(10)).await;
    let [first, second, third] = [0, 1, 2].map(|at| events[at].public_id());
    assert_eq!(
        world.ids_sent_to(URL),
        [first.clone(), first, second, third]
    );
    assert_eq!(world.count(StateName::Failed).await, 1);
}

#[tokio::test(start_paused = true)]
async fn events_of_one_key_go_one_at_a_time_and_others_pass_them() {
    let world = World::new().await;
    world
        .endpoint_with(draft(Ordering::ByKey, OnFailure::Pass, &[0, 60]))
        .await;
    world.ground.sender.next(URL, [Answer::status(500)]);
    world
        .ground
        .sender
        .always(URL, Answer::status(200).after(seconds(1)));
    let mut events = Vec::new();
    for key in ["a", "a", "b", "b", "c"] {
        events.push(world.publish_draft(keyed(key)).await);
        pass(millis(50)).await;
    }
    let free = world.publish().await;
    pass(seconds(30)).await;
    let name = |at: usize| events[at].public_id();
    let sent = world.ids_sent_to(URL);
    let wanted = [name(0), name(2), name(4), free.public_id(), name(3)];
    assert_eq!(sent, wanted);
    pass(seconds(60)).await;
    assert_eq!(world.ids_sent_to(URL)[5..], [name(0), name(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_held_line_stands_still_until_it_is_skipped() {
    let world = World::new().await;
    let held = world
        .endpoint_with(draft(Ordering::Strict, OnFailure::Hold, &[0]))
        .await;
    world.ground.sender.next(URL, [Answer::status(500)]);
    let events = world.publish_many(3).await;
    pass(seconds(100)).await;
    assert_eq!(world.ids_sent_to(URL), names(&events[..1]));
    let holding = world.fanfare.holding(&[held.id]).await.unwrap();
    assert_eq!(holding[0].event, events[0].id);
    let second = world.delivery(&events[1]).await;
    let refused = world.fanfare.retry(&acme(), &second.id.to_string()).await;
    assert!(refused.unwrap_err().to_string().contains("held up"));

    // Over a crash, too.
    let world = world.crash().await;
    pass(seconds(100)).await;
    assert_eq!(world.ids_sent_to(URL).len(), 1);
    let first = holding[0].id.to_string();
    world.fanfare.skip(&acme(), &first).await.unwrap();
    pass(seconds(1)).await;
    assert_eq!(world.ids_sent_to(URL), names(&events));
    assert!(world.fanfare.skip(&acme(), &first).await.is_err());
    assert!(world.fanfare.holding(&[held.id]).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_replay_that_arrives_lets_a_held_line_go_on() {
    let world = World::new().await;
    world
        .endpoint_with(draft(Ordering::ByKey, OnFailure::Hold, &[0]))
        .await;
    world
        .ground
        .sender
        .next(URL, [Answer::status(500), Answer::status(500)]);
    let first = world.publish_draft(keyed("a")).await;
    let second = world.publish_draft(keyed("a")).await;
    pass(seconds(5)).await;
    let id = world.delivery(&first).await.id.to_string();
    world.fanfare.retry(&acme(), &id).await.unwrap();
    pass(seconds(5)).await;
    // It failed as well.
    assert_eq!(world.ids_sent_to(URL).len(), 2);
    world.fanfare.retry(&acme(), &id).await.unwrap();
    pass(seconds(5)).await;
    let [first, second] = [first, second].map(|event| event.public_id());
    assert_eq!(
        world.ids_sent_to(URL),
        [first.clone(), first.clone(), first, second]
    );
}

#[tokio::test(start_paused = true)]
async fn only_the_first_of_a_line_gets_an_extra_attempt() {
    let world = World::new().await;
    world.endpoint_with(strict(&[0, 600])).await;
    world.ground.sender.next(URL, [Answer::status(500)]);
    let events = world.publish_many(3).await;
    pass(seconds(5)).await;
    let id = |at: usize| events[at].id.delivery(0).to_string();
    let refused = world.fanfare.retry(&acme(), &id(1)).await.unwrap_err();
    assert!(refused.to_string().contains(&id(0)), "{refused}");
    world.fanfare.retry(&acme(), &id(0)).await.unwrap();
    pass(seconds(5)).await;
    let mut wanted = names(&events);
    wanted.insert(0, wanted[0].clone());
    assert_eq!(world.ids_sent_to(URL), wanted);
}

#[tokio::test(start_paused = true)]
async fn order_outlives_crashes_and_full_memory() {
    let options = EngineOptions {
        lane_queue: 4,
        memory_bytes: 8 * 1_024,
        ..EngineOptions::default()
    };
    let mut world = World::with(options).await;
    world.endpoint_with(strict(&[0, 3, 3, 3, 3])).await;
    world
        .ground
        .sender
        .always(URL, Answer::status(200).after(millis(50)));
    world
        .ground
        .sender
        .next(URL, [Answer::status(500), Answer::status(500)]);
    let mut events = Vec::new();
    for _ in 0..5 {
        events.extend(world.publish_many(40).await);
        pass(millis(700)).await;
        world = world.crash().await;
        world
            .ground
            .sender
            .always(URL, Answer::status(200).after(millis(50)));
    }
    pass(seconds(120)).await;
    assert_eq!(world.count(StateName::Delivered).await, 200);
    let place = |id: &String| events.iter().position(|event| event.public_id() == *id);
    let sent: Vec<_> = world.ids_sent_to(URL).iter().filter_map(place).collect();
    // A crash sends again from the first that was not committed on, in order.
    let mut first_seen = sent;
    first_seen.dedup();
    let mut seen = 0;
    for at in first_seen {
        assert!(at <= seen, "{at} came before {seen}");
        seen = seen.max(at + 1);
    }
    assert_eq!(seen, 200);
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_before_what_was_committed_before_it_and_is_handed_on_later() {
    let world = World::new().await;
    world.endpoint_with(strict(&[0])).await;
    // The first one's publisher goes away after the commit.
    world
        .ground
        .store
        .faults()
        .delay(Call::Append, seconds(3), Moment::After);
    let lost = tokio::time::timeout(seconds(1), world.publish()).await;
    assert!(lost.is_err());
    world.ground.store.faults().heal();
    let second = world.publish().await;
    pass(seconds(1)).await;
    assert_eq!(world.ids_sent_to(URL).len(), 0);
    pass(seconds(10)).await;
    let sent = world.ids_sent_to(URL);
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[1], second.public_id());
}

#[tokio::test(start_paused = true)]
async fn an_event_for_later_stands_outside_the_order() {
    let world = World::new().await;
    world.endpoint_with(strict(&[0])).await;
    let later = EventDraft {
        deliver_at: Some(fanfare_app::port::Clock::now(&world.ground.clock).after(seconds(60))),
        ..event()
    };
    let later = world.publish_draft(later).await;
    let events = world.publish_many(2).await;
    pass(seconds(10)).await;
    assert_eq!(world.ids_sent_to(URL), names(&events));
    pass(seconds(60)).await;
    assert_eq!(world.ids_sent_to(URL)[2], later.public_id());
}

#[tokio::test(start_paused = true)]
async fn what_waits_comes_into_order_when_its_endpoint_does() {
    let world = World::new().await;
    let plain = draft(Ordering::Unordered, OnFailure::Pass, &[0, 30, 30]);
    let made = world.endpoint_with(plain.clone()).await;
    world.ground.sender.always(URL, Answer::status(500));
    let events = world.publish_many(20).await;
    pass(seconds(10)).await;
    assert_eq!(world.ids_sent_to(URL).len(), 20);
    world.change(made.id, strict(&[0, 30, 30])).await;
    let later = world.publish_many(5).await;
    world
        .ground
        .sender
        .always(URL, Answer::status(200).after(millis(10)));
    pass(seconds(60)).await;
    let mut wanted = names(&events);
    wanted.extend(names(&later));
    assert_eq!(world.ids_sent_to(URL)[20..], wanted);

    // And out of it again.
    world.ground.sender.next(URL, [Answer::status(500)]);
    world.publish_many(10).await;
    pass(seconds(5)).await;
    assert_eq!(world.ids_sent_to(URL).len(), 46);
    world.change(made.id, plain).await;
    pass(seconds(1)).await;
    assert_eq!(world.ids_sent_to(URL).len(), 55);
    assert_eq!(world.count(StateName::Waiting).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_expires_is_passed() {
    let world = World::new().await;
    world.endpoint_with(strict(&[0, 600])).await;
    world.ground.sender.next(URL, [Answer::status(500)]);
    let ends = EventDraft {
        expires_at: Some(fanfare_app::port::Clock::now(&world.ground.clock).after(seconds(20))),
        ..event()
    };
    let first = world.publish_draft(ends).await;
    let second = world.publish().await;
    pass(seconds(10)).await;
    assert_eq!(world.ids_sent_to(URL).len(), 1);
    pass(seconds(20)).await;
    assert_eq!(world.ids_sent_to(URL)[1], second.public_id());
    let state = world.delivery(&first).await.state;
    assert!(
        matches!(state, DeliveryState::Discarded { .. }),
        "{state:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_probe_of_a_line_is_its_first() {
    let world = World::new().await;
    let mut given = strict(&[0, 5, 5, 5, 5, 5, 5, 5]);
    if let Some(policy) = &mut given.policy {
        policy.breaker = Some(fanfare_domain::breaker::BreakerPatch {
            enabled: Some(true),
            failures: Some(2),
            first_wait: Some(seconds(20)),
            ..Default::default()
        });
    }
    world.endpoint_with(given).await;
    let refusals = [500, 500, 500].map(Answer::status);
    world.ground.sender.next(URL, refusals);
    let events = world.publish_many(5).await;
    pass(seconds(200)).await;
    let mut wanted = names(&events);
    let first = wanted[0].clone();
    wanted.splice(0..0, vec![first; 3]);
    assert_eq!(world.ids_sent_to(URL), wanted);
}

/// Cancels what waits of the events of a type.
async fn cancel_all(world: &World, before: fanfare_domain::time::Timestamp) {
    let draft = fanfare_app::recovery::JobDraft {
        action: Some(fanfare_app::recovery::Action::Cancel),
        until: Some(before),
        ..Default::default()
    };
    let scope = acme();
    let made = world.fanfare.make_job((&scope).into(), draft, Vec::new());
    made.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_line_goes_on_when_its_first_is_cancelled() {
    let world = World::new().await;
    world.endpoint_with(strict(&[0, 600])).await;
    world.ground.sender.next(URL, [Answer::status(500)]);
    world.publish_many(3).await;
    pass(seconds(5)).await;
    let before = fanfare_app::port::Clock::now(&world.ground.clock);
    pass(seconds(5)).await;
    let later = world.publish_many(2).await;
    cancel_all(&world, before).await;
    pass(seconds(20)).await;
    assert_eq!(world.count(StateName::Discarded).await, 3);
    assert_eq!(world.ids_sent_to(URL)[1..], names(&later));
}

#[tokio::test(start_paused = true)]
async fn a_disabled_endpoint_discards_its_line_and_begins_anew_when_it_is_enabled() {
    let world = World::new().await;
    let made = world.endpoint_with(strict(&[0, 30])).await;
    world.ground.sender.next(URL, [Answer::status(500)]);
    world.publish_many(5).await;
    pass(seconds(5)).await;
    let switched = |enabled| EndpointDraft {
        enabled: Some(enabled),
        ..strict(&[0, 30])
    };
    world.change(made.id, switched(false)).await;
    pass(seconds(5)).await;
    assert_eq!(world.count(StateName::Discarded).await, 5);
    world.change(made.id, switched(true)).await;
    let events = world.publish_many(5).await;
    pass(seconds(5)).await;
    assert_eq!(world.ids_sent_to(URL)[1..], names(&events));
}

#[tokio::test(start_paused = true)]
async fn a_rate_and_a_retry_after_keep_a_line_back_and_in_order() {
    let world = World::new().await;
    let limited = EndpointDraft {
        rate_limit: Some(fanfare_app::endpoints::RateLimitDraft {
            requests: 10,
            per: fanfare_domain::rate::Per::Second,
            burst: Some(1),
        }),
        ..strict(&[0, 1, 1])
    };
    world.endpoint_with(limited).await;
    let busy = Answer::status(503).header("retry-after", "7");
    world.ground.sender.next(URL, [Answer::status(200), busy]);
    let events = world.publish_many(50).await;
    pass(seconds(30)).await;
    let mut wanted = names(&events);
    wanted.insert(1, wanted[1].clone());
    assert_eq!(world.ids_sent_to(URL), wanted);
    let sent = world.ground.sender.sent_to(URL);
    assert!(sent[2].at.since(sent[1].at) >= seconds(7));
    let spans = sent.windows(2).map(|pair| pair[1].at.since(pair[0].at));
    assert!(spans.min() >= Some(millis(99)));
}
