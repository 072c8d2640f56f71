//! Attempts that somebody asked for, and deliveries that repeat another.

use std::sync::Arc;

use fanfare_app::deliveries::Retried;
use fanfare_app::port::deliveries::Settlement;
use fanfare_app::port::log::Event;
use fanfare_app::port::{Clock, Deliveries};
use fanfare_domain::attempt::Trigger;
use fanfare_domain::delivery::{Delivery, DeliveryState};
use fanfare_domain::id::DeliveryId;
use fanfare_testkit::builders::acme;
use fanfare_testkit::memory_store::{Call, Moment};
use fanfare_testkit::scripted_sender::Answer;

use crate::world::{URL, World, due, millis, pass, seconds};

async fn retry(world: &World, event: &Event) -> Retried {
    let id = event.id.delivery(0).to_string();
    world.fanfare.retry(&acme(), &id).await.unwrap()
}

/// An event whose first two attempts failed; the third is due after five minutes.
async fn waiting(world: &World) -> (Arc<Event>, Delivery) {
    world.endpoint(URL).await;
    world.ground.sender.always(URL, Answer::status(500));
    let event = world.publish().await;
    pass(seconds(20)).await;
    let row = world.delivery(&event).await;
    assert_eq!(row.attempts, 2);
    (event, row)
}

#[tokio::test(start_paused = true)]
async fn an_extra_attempt_that_succeeds_ends_the_delivery() {
    let world = World::new().await;
    let (event, _) = waiting(&world).await;
    world.ground.sender.always(URL, Answer::status(200));
    assert!(matches!(retry(&world, &event).await, Retried::Extra(_)));
    pass(seconds(1)).await;
    let row = world.delivery(&event).await;
    assert!(matches!(row.state, DeliveryState::Delivered { .. }));
    assert_eq!((row.attempts, row.extra_attempts), (3, 1));
    let attempts = world.attempts(&row).await;
    assert_eq!(attempts[2].trigger, Trigger::Manual);
    assert_eq!(attempts[1].trigger, Trigger::Scheduled);
    pass(seconds(3_600)).await;
    assert_eq!(world.ids_sent_to(URL).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_extra_attempt_that_fails_leaves_the_schedule_as_it_was() {
    let world = World::quiet().await;
    let (event, before) = waiting(&world).await;
    for _ in 0..20 {
        retry(&world, &event).await;
        pass(seconds(1)).await;
    }
    let row = world.delivery(&event).await;
    assert_eq!((row.attempts, row.extra_attempts), (22, 20));
    assert_eq!(due(&row), due(&before));
    pass(seconds(100 * 3_600)).await;
    let row = world.delivery(&event).await;
    assert!(matches!(row.state, DeliveryState::Failed { .. }));
    assert_eq!((row.attempts, row.extra_attempts), (30, 20));
}

#[tokio::test(start_paused = true)]
async fn no_extra_attempt_begins_while_one_is_under_way() {
    let world = World::new().await;
    let (event, _) = waiting(&world).await;
    let answer = Answer::status(500).after(seconds(10));
    world.ground.sender.always(URL, answer);
    for _ in 0..5 {
        retry(&world, &event).await;
    }
    pass(seconds(5)).await;
    assert_eq!(world.ground.sender.under_way(URL), 1);
    retry(&world, &event).await;
    pass(seconds(30)).await;
    assert_eq!(world.ids_sent_to(URL).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_extra_attempt_asked_for_in_the_first_moment_is_the_one_under_way() {
    let world = World::new().await;
    world.endpoint(URL).await;
    let answer = Answer::status(200).after(millis(500));
    world.ground.sender.always(URL, answer);
    let event = world.publish().await;
    pass(millis(100)).await;
    retry(&world, &event).await;
    pass(seconds(30)).await;
    world.assert_each_once(URL, &[event]);
}

#[tokio::test(start_paused = true)]
async fn an_extra_attempt_is_not_made_of_a_first_one_that_gets_its_row_meanwhile() {
    let world = World::new().await;
    world.endpoint(URL).await;
    let answer = Answer::status(200).after(seconds(10));
    world.ground.sender.always(URL, answer);
    let event = world.publish().await;
    pass(millis(100)).await;
    let id = event.id.delivery(0).to_string();
    let asked = world.fanfare.delivery(&acme(), &id).await.unwrap();
    // When its row is read, there is one: the first attempt has been on its way for a while.
    let faults = world.ground.store.faults();
    faults.delay(Call::ReadDeliveries, seconds(4), Moment::Before);
    world.dispatch().extra(asked);
    pass(seconds(60)).await;
    world.assert_each_once(URL, &[event]);
}

#[tokio::test(start_paused = true)]
async fn an_extra_attempt_is_not_made_from_a_row_that_is_out_of_date() {
    let world = World::new().await;
    let (event, row) = waiting(&world).await;
    world.ground.sender.always(URL, Answer::status(200));
    // The row is read, and before the answer is there, another extra attempt ends the delivery.
    let faults = world.ground.store.faults();
    faults.delay(Call::ReadDeliveries, seconds(1), Moment::After);
    world.dispatch().extra(row.clone());
    pass(millis(100)).await;
    faults.heal();
    world.dispatch().extra(row);
    pass(seconds(10)).await;
    assert_eq!(world.ids_sent_to(URL).len(), 3);
    assert_eq!(world.delivery(&event).await.attempts, 3);
}

#[tokio::test(start_paused = true)]
async fn a_replay_is_a_delivery_of_its_own_with_the_same_webhook_id() {
    let world = World::new().await;
    world.endpoint(URL).await;
    let event = world.publish().await;
    pass(seconds(2)).await;
    let Retried::Replay(replay) = retry(&world, &event).await else {
        panic!("it had ended");
    };
    pass(seconds(2)).await;
    assert_eq!(replay.replay_of, Some(event.id.delivery(0)));
    let stored = world.ground.store.delivery(&acme(), replay.id).await;
    let stored = stored.unwrap().unwrap();
    assert!(matches!(stored.state, DeliveryState::Delivered { .. }));
    assert_eq!((stored.event, stored.attempts), (event.id, 1));
    let id = event.public_id();
    assert_eq!(world.ids_sent_to(URL), [id.clone(), id]);
    assert_eq!(world.delivery(&event).await.attempts, 1);
}

#[tokio::test(start_paused = true)]
async fn the_scan_finds_a_replay_that_nobody_told_of() {
    let world = World::new().await;
    world.endpoint(URL).await;
    let event = world.publish().await;
    pass(seconds(2)).await;
    let now = world.ground.clock.now();
    let replay = Delivery {
        id: DeliveryId::for_replay(now, 7),
        state: DeliveryState::Waiting { due_at: now },
        attempts: 0,
        replay_of: Some(event.id.delivery(0)),
        created_at: now,
        first_attempt_at: None,
        ..world.delivery(&event).await
    };
    let settlement = Settlement {
        delivery: replay,
        attempt: None,
    };
    let store = &world.ground.store;
    store
        .settle(Arc::new(vec![settlement]), None)
        .await
        .unwrap();
    pass(world.options.scan_every + seconds(1)).await;
    assert_eq!(world.ids_sent_to(URL).len(), 2);
}
