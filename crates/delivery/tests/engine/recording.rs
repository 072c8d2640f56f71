//! What arrives, and what is recorded of it.

use fanfare_app::port::Deliveries;
use fanfare_domain::delivery::{DeliveryState, StateName};
use fanfare_testkit::builders::{acme, endpoint, event};
use fanfare_testkit::scripted_sender::Answer;

use crate::world::{URL, World, millis, pass, seconds};

#[tokio::test(start_paused = true)]
async fn an_event_arrives_at_every_matching_endpoint_once_and_is_recorded_delivered() {
    let world = World::new().await;
    let first = world.endpoint("https://one.example/").await;
    world.endpoint("https://two.example/").await;
    let mut nothing = endpoint("https://none.example/");
    nothing.event_types = Some(Vec::new());
    world.endpoint_with(nothing).await;
    let answer = Answer::status(204).after(millis(20));
    world.ground.sender.always("https://one.example/", answer);

    let event = world.publish().await;
    pass(seconds(60)).await;

    world.assert_each_once("https://one.example/", std::slice::from_ref(&event));
    world.assert_each_once("https://two.example/", std::slice::from_ref(&event));
    world.assert_each_once("https://none.example/", &[]);
    assert_eq!(world.count(StateName::Delivered).await, 2);
    let delivery = world.row(&event, 0).await.unwrap();
    let at = event.created_at.after(millis(20));
    assert_eq!(delivery.endpoint, first.id);
    assert_eq!(delivery.state, DeliveryState::Delivered { at });
    assert_eq!((delivery.attempts, delivery.last_status), (1, Some(204)));
    let attempts = world.attempts(&delivery).await;
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].started_at, event.created_at);
    assert_eq!(attempts[0].timings.total, millis(20));
}

#[tokio::test(start_paused = true)]
async fn attempts_and_ends_are_tallied_by_endpoint_and_minute() {
    let world = World::new().await;
    let endpoint = world.endpoint(URL).await;
    world.ground.sender.next(URL, [Answer::status(500)]);
    let event = world.publish().await;
    pass(seconds(10)).await;
    let from = event.created_at;
    let tallies = world
        .ground
        .store
        .tallies(endpoint.id, from, from.after(seconds(60)))
        .await
        .unwrap();
    let sums = tallies.iter().fold((0, 0, 0), |sum, tally| {
        (
            sum.0 + tally.succeeded,
            sum.1 + tally.unsuccessful,
            sum.2 + tally.delivered,
        )
    });
    assert_eq!(sums, (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_same_id_again_sends_nothing_more() {
    let world = World::new().await;
    world.endpoint(URL).await;
    let draft = || fanfare_app::publish::EventDraft {
        uid: Some("order-1".to_owned()),
        ..event()
    };
    let event = world.publish_draft(draft()).await;
    let again = world.fanfare.publish(acme(), draft(), None).await.unwrap();
    assert!(again.repeated);
    pass(seconds(30)).await;
    world.assert_each_once(URL, &[event]);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_nobody_asked_for_leaves_nothing_behind() {
    let world = World::new().await;
    world.publish_many(3).await;
    pass(seconds(5)).await;
    assert_eq!(world.rows().await.len(), 0);
    assert_eq!(world.ground.store.materialised().await.unwrap(), 3);
}
