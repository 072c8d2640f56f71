//! Endpoints that change, are disabled or deleted while deliveries wait for them.

use fanfare_app::endpoints::RotationDraft;
use fanfare_app::port::Log;
use fanfare_domain::delivery::{Delivery, DeliveryState, DiscardedReason, FailedReason, StateName};
use fanfare_domain::endpoint::DisabledReason;
use fanfare_testkit::builders::{acme, endpoint};
use fanfare_testkit::scripted_sender::Answer;

use crate::world::{URL, World, millis, pass, seconds};

fn discarded(delivery: &Delivery) -> Option<DiscardedReason> {
    match delivery.state {
        DeliveryState::Discarded { reason, .. } => Some(reason),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn gone_disables_the_endpoint_and_discards_what_waits_for_it() {
    let world = World::new().await;
    let endpoint = world.endpoint(URL).await;
    world.ground.sender.always(URL, Answer::status(500));
    let waiting = world.publish_many(5).await;
    pass(seconds(2)).await;
    world.ground.sender.always(URL, Answer::status(410));
    let last = world.publish().await;
    pass(seconds(2)).await;

    let reason = FailedReason::Gone;
    let state = world.delivery(&last).await.state;
    assert!(matches!(state, DeliveryState::Failed { reason: r, .. } if r == reason));
    let disabled = world.stored(&endpoint).await.disabled.map(|why| why.reason);
    assert_eq!(disabled, Some(DisabledReason::Gone));
    for event in &waiting {
        let reason = discarded(&world.delivery(event).await);
        assert_eq!(reason, Some(DiscardedReason::EndpointDisabled));
    }
    pass(seconds(3_600)).await;
    assert_eq!(world.ids_sent_to(URL).len(), 6);
    // What is published now is not for it.
    let later = world.publish().await;
    assert!(later.targets.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_deleted_endpoint_is_discarded() {
    let world = World::new().await;
    let endpoint = world.endpoint(URL).await;
    world.ground.sender.always(URL, Answer::status(500));
    let event = world.publish().await;
    pass(seconds(2)).await;
    let id = endpoint.id.to_string();
    world.fanfare.delete_endpoint(&acme(), &id).await.unwrap();
    pass(seconds(2)).await;
    let reason = discarded(&world.delivery(&event).await);
    assert_eq!(reason, Some(DiscardedReason::EndpointDeleted));
    pass(seconds(60)).await;
    assert_eq!(world.ids_sent_to(URL).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_queued_or_under_way_when_the_endpoint_is_disabled_is_not_tried_again() {
    let world = World::new().await;
    let made = world.endpoint(URL).await;
    let answer = Answer::status(500).after(seconds(5));
    world.ground.sender.always(URL, answer);
    world.publish_many(100).await;
    pass(seconds(1)).await;
    let under_way = world.ground.sender.under_way(URL);
    let mut draft = endpoint(URL);
    draft.enabled = Some(false);
    world.change(made.id, draft).await;
    pass(seconds(60)).await;
    assert_eq!(world.ids_sent_to(URL).len(), under_way);
    assert_eq!(world.count(StateName::Discarded).await, 100);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_was_disabled_for_a_moment_gets_what_comes_after() {
    let world = World::new().await;
    let made = world.endpoint(URL).await;
    let mut draft = endpoint(URL);
    draft.enabled = Some(false);
    world.change(made.id, draft).await;
    world.change(made.id, endpoint(URL)).await;
    let event = world.publish().await;
    pass(seconds(5)).await;
    world.assert_each_once(URL, &[event]);
}

#[tokio::test(start_paused = true)]
async fn the_next_attempt_goes_to_the_new_url_with_the_new_secret() {
    let world = World::new().await;
    let made = world.endpoint(URL).await;
    world.ground.sender.always(URL, Answer::status(500));
    world.publish().await;
    pass(seconds(1)).await;
    let moved = "https://moved.example/hook";
    world.change(made.id, endpoint(moved)).await;
    let rotation = RotationDraft::default();
    let id = made.id.to_string();
    let fanfare = &world.fanfare;
    fanfare
        .rotate_secret(&acme(), &id, rotation, Vec::new())
        .await
        .unwrap();
    pass(seconds(10)).await;
    let first = world.ground.sender.sent_to(URL);
    let second = world.ground.sender.sent_to(moved);
    assert_eq!((first.len(), second.len()), (1, 1));
    let signatures = |text: &str| text.split(' ').count();
    assert_eq!(signatures(first[0].header("webhook-signature")), 1);
    assert_eq!(signatures(second[0].header("webhook-signature")), 2);
    assert_eq!(first[0].webhook_id(), second[0].webhook_id());
}

#[tokio::test(start_paused = true)]
async fn a_delivery_whose_payload_is_gone_is_discarded() {
    let world = World::new().await;
    world.endpoint(URL).await;
    world.ground.sender.always(URL, Answer::status(500));
    let event = world.publish().await;
    pass(seconds(2)).await;
    world.ground.store.drop_payloads(vec![1]).await.unwrap();
    pass(seconds(10)).await;
    let reason = discarded(&world.delivery(&event).await);
    assert_eq!(reason, Some(DiscardedReason::PayloadGone));
    assert_eq!(world.ids_sent_to(URL).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn disabling_goes_on_when_the_store_was_away() {
    use fanfare_testkit::memory_store::{Call, Moment};
    let world = World::new().await;
    let endpoint = world.endpoint(URL).await;
    let answer = Answer::status(410).after(millis(50));
    world.ground.sender.always(URL, answer);
    world.publish().await;
    world
        .ground
        .store
        .faults()
        .fail(Call::Apply, 3, Moment::Before);
    pass(seconds(5)).await;
    assert!(!world.stored(&endpoint).await.enabled());
}
