//! Rows that were written from the log of a node that is gone.

use std::sync::Arc;

use fanfare_app::endpoints::EndpointDraft;
use fanfare_app::port::deliveries::Settlement;
use fanfare_app::port::log::{Append, Event};
use fanfare_app::port::{Clock, Deliveries, Dispatch, Log};
use fanfare_domain::delivery::{Delivery, DeliveryState};
use fanfare_domain::id::EventId;
use fanfare_domain::order::{OnFailure, Ordering};
use fanfare_domain::policy::PolicyPatch;
use fanfare_testkit::builders::endpoint;
use fanfare_testkit::scripted_sender::Answer;

use crate::world::{URL, World, pass, seconds};

#[tokio::test(start_paused = true)]
async fn rows_that_come_without_turns_are_put_in_their_order_before_they_are_sent() {
    let world = World::new().await;
    let strict = EndpointDraft {
        ordering: Some(Ordering::Strict),
        on_failure: Some(OnFailure::Hold),
        policy: Some(PolicyPatch {
            waits: Some(vec![seconds(0)]),
            ..PolicyPatch::default()
        }),
        ..endpoint(URL)
    };
    let made = world.endpoint_with(strict).await;
    world.ground.sender.next(URL, [Answer::status(500)]);
    let first = world.publish().await;
    pass(seconds(5)).await;
    assert_eq!(world.ids_sent_to(URL), [first.public_id()]);

    // It holds its line. What comes now stands behind it, whoever accepted it.
    let now = world.ground.clock.now();
    let event = Arc::new(Event {
        id: EventId::new(now, 7),
        created_at: now,
        ..(*first).clone()
    });
    let (id, to) = event.deliveries().next().unwrap();
    let appended = Append {
        event: Arc::clone(&event),
        content: None,
        idempotency: None,
        in_turn: Vec::new(),
    };
    world.ground.store.append(vec![appended]).await.unwrap();
    let row = Delivery {
        id,
        event: event.id,
        endpoint: to,
        state: DeliveryState::Waiting { due_at: now },
        attempts: 0,
        created_at: now,
        first_attempt_at: None,
        last_status: None,
        turn: None,
        ..world.delivery(&first).await
    };
    let settlement = Settlement {
        delivery: row,
        attempt: None,
    };
    let settled = world.ground.store.settle(Arc::new(vec![settlement]), None);
    settled.await.unwrap();
    world.engine.due(made.id, now);
    pass(seconds(60)).await;
    assert_eq!(world.ids_sent_to(URL), [first.public_id()]);

    let held = world.delivery(&first).await;
    let skipped = world.fanfare.skip(&held.scope, &held.id.to_string()).await;
    skipped.unwrap();
    pass(seconds(5)).await;
    assert_eq!(
        world.ids_sent_to(URL),
        [first.public_id(), event.public_id()]
    );
}
