//! Endpoints that get several events in one request.

use std::sync::Arc;

use fanfare_app::deliveries::Retried;
use fanfare_app::endpoints::{EndpointDraft, RateLimitDraft};
use fanfare_app::port::log::Event;
use fanfare_app::port::{Clock, Deliveries};
use fanfare_app::publish::EventDraft;
use fanfare_app::recovery::{Action, JobDraft};
use fanfare_delivery::EngineOptions;
use fanfare_domain::batch::Batching;
use fanfare_domain::delivery::{Delivery, DeliveryState, DiscardedReason, StateName};
use fanfare_domain::order::{OnFailure, Ordering};
use fanfare_domain::rate::Per;
use fanfare_testkit::builders::{acme, endpoint, event};
use fanfare_testkit::memory_store::{Call, Moment};
use fanfare_testkit::scripted_sender::{Answer, Sent};
use serde_json::Value;

use crate::world::{URL, World, millis, pass, seconds};

/// An endpoint that gets up to so many events at once, after a second at the latest.
fn batching(most: u16, waits: &[u64]) -> EndpointDraft {
    let mut draft = endpoint(URL);
    if let Some(policy) = &mut draft.policy {
        policy.waits = Some(waits.iter().copied().map(seconds).collect());
    }
    draft.batch = Some(Batching::new(most, seconds(1)));
    draft
}

/// Publishes so many, a millisecond apart: without an order that is what decides between them.
async fn publish(world: &World, count: usize) -> Vec<Arc<Event>> {
    let mut events = Vec::with_capacity(count);
    for _ in 0..count {
        events.push(world.publish().await);
        pass(millis(1)).await;
    }
    events
}

fn names(events: &[Arc<Event>]) -> Vec<String> {
    events.iter().map(|event| event.public_id()).collect()
}

/// The ids of the events in a request: of a batch, or of a single one.
fn ids(sent: &Sent) -> Vec<String> {
    match serde_json::from_slice(&sent.body).unwrap() {
        Value::Array(members) => members
            .iter()
            .map(|member| member["id"].as_str().unwrap().to_owned())
            .collect(),
        _ => vec![sent.webhook_id().to_owned()],
    }
}

fn requests(world: &World) -> Vec<Vec<String>> {
    world.ground.sender.sent_to(URL).iter().map(ids).collect()
}

async fn batch_of(world: &World, event: &Event) -> Option<String> {
    let row = world.delivery(event).await;
    row.batch.map(|place| place.batch().to_string())
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_sent_when_it_is_full() {
    let world = World::new().await;
    world.endpoint_with(batching(3, &[0, 60])).await;
    let events = publish(&world, 7).await;
    pass(millis(200)).await;
    assert_eq!(
        requests(&world),
        [names(&events[..3]), names(&events[3..6])]
    );
    let sent = world.ground.sender.sent_to(URL);
    assert_eq!(
        Some(sent[0].webhook_id().to_owned()),
        batch_of(&world, &events[2]).await
    );
    let body: Value = serde_json::from_slice(&sent[0].body).unwrap();
    let member = &body[1];
    assert_eq!(member["type"], "thing.happened");
    assert_eq!(member["timestamp"], events[1].created_at.to_string());
    assert_eq!(member["data"]["n"], 1);
    assert_eq!(world.count(StateName::Delivered).await, 6);
    assert_eq!(batch_of(&world, &events[6]).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_sent_when_its_first_has_waited_for_long_enough() {
    let world = World::new().await;
    world.endpoint_with(batching(10, &[0, 60])).await;
    let first = world.publish().await;
    pass(millis(700)).await;
    let second = world.publish().await;
    pass(millis(250)).await;
    assert!(requests(&world).is_empty());
    pass(millis(100)).await;
    assert_eq!(requests(&world), [names(&[first, second])]);
    // One by itself is a batch too.
    let third = world.publish().await;
    pass(seconds(2)).await;
    assert_eq!(requests(&world)[1], [third.public_id()]);
    let sent = world.ground.sender.sent_to(URL);
    assert!(sent[1].webhook_id().starts_with("bat_"));
}

#[tokio::test(start_paused = true)]
async fn a_batch_keeps_its_members_and_its_id_over_retries_and_crashes() {
    let mut world = World::new().await;
    world.endpoint_with(batching(3, &[0, 5, 5, 5])).await;
    world.ground.sender.always(URL, Answer::status(500));
    let events = publish(&world, 3).await;
    pass(seconds(1)).await;
    let later = publish(&world, 2).await;
    pass(seconds(6)).await;
    world = world.crash().await;
    world.ground.sender.always(URL, Answer::status(200));
    pass(seconds(20)).await;
    let sent = world.ground.sender.sent_to(URL);
    let of_first: Vec<_> = sent.iter().filter(|sent| ids(sent).len() == 3).collect();
    assert!(of_first.len() >= 3, "{}", of_first.len());
    for each in &of_first {
        assert_eq!(ids(each), names(&events));
        assert_eq!(each.webhook_id(), of_first[0].webhook_id());
    }
    // Signed anew each time.
    assert_ne!(
        of_first[0].header("webhook-signature"),
        of_first[1].header("webhook-signature")
    );
    let mut others = sent.iter().filter(|sent| ids(sent).len() != 3);
    assert!(others.all(|sent| ids(sent) == names(&later)));
    assert_eq!(world.count(StateName::Delivered).await, 5);
    for event in &events {
        let row = world.delivery(event).await;
        let attempts = world.attempts(&row).await;
        assert_eq!(attempts.len(), usize::from(row.attempts));
        assert_eq!(attempts.len(), of_first.len());
    }
    let footprint = world.engine.footprint();
    assert_eq!((footprint.payload_bytes, footprint.without_row), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_batch_whose_binding_was_not_answered_is_sent_as_it_was_bound() {
    let world = World::new().await;
    world.endpoint_with(batching(2, &[0, 5])).await;
    // The rows, then the binding.
    let faults = world.ground.store.faults();
    let events = world.publish_many(1).await;
    pass(millis(500)).await;
    faults.fail(Call::Settle, 3, Moment::After);
    let more = world.publish_many(3).await;
    pass(seconds(2)).await;
    world.ground.store.faults().heal();
    pass(seconds(5)).await;
    let mut sent: Vec<_> = requests(&world).concat();
    sent.sort_unstable();
    sent.dedup();
    let mut wanted = names(&[events, more].concat());
    wanted.sort_unstable();
    assert_eq!(sent, wanted);
    let sent = world.ground.sender.sent_to(URL);
    for one in &sent {
        for other in &sent {
            let same = one.webhook_id() == other.webhook_id();
            assert_eq!(same, ids(one) == ids(other));
        }
    }
    assert_eq!(world.count(StateName::Delivered).await, 4);
}

#[tokio::test(start_paused = true)]
async fn a_batch_holds_at_most_a_mebibyte_of_data() {
    let world = World::new().await;
    world.endpoint_with(batching(100, &[0])).await;
    world.publish_large(9, 200 * 1_024).await;
    pass(seconds(3)).await;
    let counts: Vec<_> = requests(&world).iter().map(Vec::len).collect();
    assert_eq!(counts, [5, 4]);
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_is_left_out_of_the_retry() {
    let world = World::new().await;
    world.endpoint_with(batching(3, &[0, 60])).await;
    world.ground.sender.next(URL, [Answer::status(500)]);
    let cancelled = world.publish().await;
    pass(millis(10)).await;
    let until = world.ground.clock.now();
    let expires = EventDraft {
        expires_at: Some(until.after(seconds(30))),
        ..event()
    };
    let expired = world.publish_draft(expires).await;
    pass(millis(1)).await;
    let last = world.publish().await;
    pass(seconds(1)).await;
    let draft = JobDraft {
        action: Some(Action::Cancel),
        until: Some(until),
        ..JobDraft::default()
    };
    let scope = acme();
    let job = world.fanfare.make_job((&scope).into(), draft, Vec::new());
    job.await.unwrap();
    pass(seconds(100)).await;
    let all = [cancelled.clone(), expired.clone(), last.clone()];
    assert_eq!(requests(&world), [names(&all), names(&[last])]);
    let sent = world.ground.sender.sent_to(URL);
    assert_eq!(sent[0].webhook_id(), sent[1].webhook_id());
    let reason = |row: Delivery| match row.state {
        DeliveryState::Discarded { reason, .. } => Some(reason),
        _ => None,
    };
    assert_eq!(
        reason(world.delivery(&cancelled).await),
        Some(DiscardedReason::Cancelled)
    );
    assert_eq!(
        reason(world.delivery(&expired).await),
        Some(DiscardedReason::Expired)
    );
}

#[tokio::test(start_paused = true)]
async fn an_extra_attempt_and_a_replay_go_alone() {
    let world = World::new().await;
    world.endpoint_with(batching(3, &[0, 60])).await;
    world.ground.sender.next(URL, [Answer::status(500)]);
    let events = publish(&world, 3).await;
    pass(seconds(1)).await;
    let second = events[1].id.delivery(0).to_string();
    let retried = world.fanfare.retry(&acme(), &second).await.unwrap();
    assert!(matches!(retried, Retried::Extra(_)));
    pass(seconds(100)).await;
    let rest = [events[0].clone(), events[2].clone()];
    let alone = events[1].public_id();
    assert_eq!(
        requests(&world),
        [names(&events), vec![alone.clone()], names(&rest)]
    );
    let sent = world.ground.sender.sent_to(URL);
    assert_eq!(sent[1].webhook_id(), alone);
    assert_eq!(sent[2].webhook_id(), sent[0].webhook_id());
    let replayed = world.fanfare.retry(&acme(), &second).await.unwrap();
    assert!(matches!(replayed, Retried::Replay(_)));
    pass(seconds(2)).await;
    assert_eq!(world.ground.sender.sent_to(URL)[3].webhook_id(), alone);
    assert_eq!(world.count(StateName::Delivered).await, 4);
}

#[tokio::test(start_paused = true)]
async fn in_strict_order_one_batch_is_under_way_and_a_failed_one_is_in_the_way() {
    let world = World::new().await;
    let draft = EndpointDraft {
        ordering: Some(Ordering::Strict),
        ..batching(4, &[0, 2, 2])
    };
    world.endpoint_with(draft).await;
    let slow = |status| Answer::status(status).after(millis(30));
    world.ground.sender.always(URL, slow(200));
    let answers = [200, 500, 500, 200].map(slow);
    world.ground.sender.next(URL, answers);
    let events = world.publish_many(202).await;
    pass(seconds(20)).await;
    let sent = world.ground.sender.sent_to(URL);
    assert!(sent.iter().all(|sent| sent.under_way == 1));
    let mut requests = requests(&world);
    assert_eq!(requests[1], requests[2]);
    assert_eq!(requests[2], requests[3]);
    requests.dedup();
    assert!(requests.iter().all(|request| request.len() <= 4));
    assert!(requests.len() < 60, "{}", requests.len());
    assert_eq!(requests.concat(), names(&events));
    assert_eq!(world.count(StateName::Delivered).await, 202);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_holds_its_line_until_each_of_it_is_skipped() {
    let world = World::new().await;
    let draft = EndpointDraft {
        ordering: Some(Ordering::Strict),
        on_failure: Some(OnFailure::Hold),
        ..batching(2, &[0])
    };
    let made = world.endpoint_with(draft).await;
    world.ground.sender.next(URL, [Answer::status(500)]);
    let events = world.publish_many(4).await;
    pass(seconds(30)).await;
    assert_eq!(requests(&world), [names(&events[..2])]);
    for left in [2, 1] {
        let held = world.fanfare.holding(&[made.id]).await.unwrap();
        assert_eq!(held.len(), left);
        let first = held[0].id.to_string();
        world.fanfare.skip(&acme(), &first).await.unwrap();
        pass(seconds(5)).await;
        assert_eq!(requests(&world).len(), 3 - left);
    }
    assert_eq!(requests(&world)[1], names(&events[2..]));
}

#[tokio::test(start_paused = true)]
async fn in_order_by_key_a_batch_has_events_of_one_key() {
    let world = World::new().await;
    let draft = EndpointDraft {
        ordering: Some(Ordering::ByKey),
        ..batching(3, &[0, 60])
    };
    world.endpoint_with(draft).await;
    let mut events = Vec::new();
    for key in ["a", "b", "a", "", "a", "a", "b", ""] {
        let draft = EventDraft {
            ordering_key: (!key.is_empty()).then(|| key.to_owned()),
            ..event()
        };
        events.push(world.publish_draft(draft).await);
    }
    // Nobody waits for the one whose first batch fails but its own.
    world.ground.sender.next(URL, [Answer::status(500)]);
    pass(seconds(20)).await;
    let of = |places: &[usize]| -> Vec<String> {
        places.iter().map(|at| events[*at].public_id()).collect()
    };
    let mut sent = requests(&world);
    assert_eq!(sent.remove(0), of(&[0, 2, 4]));
    sent.sort_unstable();
    let mut others = [of(&[1, 6]), of(&[3, 7])];
    others.sort_unstable();
    assert_eq!(sent, others);
    pass(seconds(60)).await;
    assert_eq!(requests(&world)[3..], [of(&[0, 2, 4]), of(&[5])]);
}

#[tokio::test(start_paused = true)]
async fn a_request_of_many_events_counts_once_for_the_rate() {
    let world = World::new().await;
    let draft = EndpointDraft {
        rate_limit: Some(RateLimitDraft {
            requests: 1,
            per: Per::Second,
            burst: Some(1),
        }),
        ..batching(10, &[0, 60])
    };
    world.endpoint_with(draft).await;
    world.publish_many(50).await;
    pass(seconds(6)).await;
    let counts: Vec<_> = requests(&world).iter().map(Vec::len).collect();
    assert_eq!(counts, [10; 5]);
    let sent = world.ground.sender.sent_to(URL);
    let spaced = sent
        .windows(2)
        .all(|two| two[1].at.since(two[0].at) >= millis(999));
    assert!(spaced);
}

#[tokio::test(start_paused = true)]
async fn an_event_for_later_joins_a_batch_when_its_time_has_come() {
    let world = World::new().await;
    world.endpoint_with(batching(2, &[0, 60])).await;
    let at = world.ground.clock.now().after(seconds(60));
    let later = EventDraft {
        deliver_at: Some(at),
        ..event()
    };
    let later = world.publish_draft(later).await;
    let now = world.publish().await;
    pass(seconds(5)).await;
    assert_eq!(requests(&world), [names(&[now])]);
    pass(seconds(57)).await;
    assert_eq!(requests(&world)[1], [later.public_id()]);
    assert!(world.ground.sender.sent_to(URL)[1].at >= at);
}

#[tokio::test(start_paused = true)]
async fn a_change_counts_for_what_is_in_no_batch_yet() {
    let world = World::new().await;
    let mut draft = batching(3, &[0, 60]);
    let made = world.endpoint_with(draft.clone()).await;
    world.ground.sender.next(URL, [Answer::status(500)]);
    let bound = publish(&world, 3).await;
    let free = publish(&world, 2).await;
    pass(millis(100)).await;
    assert_eq!(requests(&world).len(), 1);
    draft.batch = None;
    world.change(made.id, draft.clone()).await;
    pass(millis(100)).await;
    let mut alone = requests(&world).split_off(1);
    alone.sort_unstable();
    assert_eq!(alone.concat(), names(&free));
    pass(seconds(100)).await;
    assert_eq!(requests(&world)[3..], [names(&bound)]);
    draft.enabled = Some(false);
    draft.batch = Some(Batching::new(3, seconds(1)));
    world.change(made.id, draft.clone()).await;
    draft.enabled = Some(true);
    world.change(made.id, draft.clone()).await;
    publish(&world, 2).await;
    draft.enabled = Some(false);
    world.change(made.id, draft).await;
    pass(seconds(100)).await;
    assert_eq!(requests(&world).len(), 4);
    assert_eq!(world.count(StateName::Discarded).await, 2);
}

#[tokio::test(start_paused = true)]
async fn batches_find_their_way_with_little_memory_a_store_that_fails_and_crashes() {
    let options = EngineOptions {
        lane_queue: 2,
        memory_bytes: 4 * 1_024,
        ..EngineOptions::default()
    };
    let mut world = World::with(options).await;
    world.endpoint_with(batching(7, &[0, 3, 3, 3, 3])).await;
    world
        .ground
        .sender
        .always(URL, Answer::status(200).after(millis(100)));
    let mut events = Vec::new();
    for round in 0..5 {
        world.ground.sender.next(URL, [Answer::status(500)]);
        events.extend(world.publish_many(40).await);
        world
            .ground
            .store
            .faults()
            .delay(Call::Due, millis(20), Moment::After);
        pass(millis(round * 170)).await;
        world = world.crash().await;
        world
            .ground
            .sender
            .always(URL, Answer::status(200).after(millis(100)));
    }
    pass(seconds(60)).await;
    assert_eq!(world.count(StateName::Delivered).await, events.len());
    let store = &world.ground.store;
    let mut batches = std::collections::BTreeMap::<_, Vec<_>>::new();
    for row in world.rows().await {
        let batch = row.batch.unwrap().batch();
        batches.entry(batch).or_default().push(row.id);
    }
    for (batch, members) in batches {
        assert!(members.len() <= 7);
        assert!(store.members(batch).await.unwrap().is_empty());
    }
}
