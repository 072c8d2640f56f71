//! Settling deliveries.

use std::sync::Arc;

use fanfare_app::port::Deliveries;
use fanfare_app::port::deliveries::{Settled, Settlement, Tally};
use fanfare_domain::attempt::{Attempt, Trigger};
use fanfare_domain::delivery::{Delivery, DeliveryState, DiscardedReason, FailedReason};

use crate::engine::Engine;
use crate::made::{
    attempt, attempted, delivered, deliveries_of, delivery, event, failed, replay, scope,
    settlement, time, waiting,
};

pub(crate) async fn settle(part: &dyn Deliveries, settlements: Vec<Settlement>) -> Vec<Settled> {
    part.settle(Arc::new(settlements), None).await.unwrap()
}

pub(crate) async fn read(part: &dyn Deliveries, delivery: &Delivery) -> Option<Delivery> {
    part.delivery(&delivery.scope, delivery.id).await.unwrap()
}

/// Every field and every state.
pub async fn a_delivery_is_read_as_it_was_settled(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let first = delivery(&event(1), 0);
    let at = time(9);
    let states = [
        DeliveryState::Waiting { due_at: at },
        DeliveryState::Delivered { at },
        DeliveryState::Failed {
            at,
            reason: FailedReason::Exhausted,
        },
        DeliveryState::Failed {
            at,
            reason: FailedReason::Gone,
        },
        DeliveryState::Discarded {
            at,
            reason: DiscardedReason::EndpointDisabled,
        },
        DeliveryState::Discarded {
            at,
            reason: DiscardedReason::EndpointDeleted,
        },
        DeliveryState::Discarded {
            at,
            reason: DiscardedReason::PayloadGone,
        },
        DeliveryState::Discarded {
            at,
            reason: DiscardedReason::Expired,
        },
    ];
    for (number, state) in (10..).zip(states) {
        let plain = Delivery {
            state,
            expires_at: Some(time(number + 40)),
            ..delivery(&event(number), 1)
        };
        let full = Delivery {
            state,
            attempts: 3,
            extra_attempts: 2,
            ..replay(&failed(&first, 5), number)
        };
        for delivery in [plain, full] {
            assert_eq!(read(&*part, &delivery).await, None);
            let settled = settle(&*part, vec![settlement(delivery.clone())]).await;
            assert_eq!(settled, [Settled::Recorded]);
            assert_eq!(read(&*part, &delivery).await, Some(delivery));
        }
    }
}

/// By a later due time, and then by its end.
pub async fn a_waiting_delivery_is_replaced(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let fresh = delivery(&event(1), 0);
    let once = Delivery {
        attempts: 1,
        first_attempt_at: Some(time(2)),
        last_status: Some(500),
        ..waiting(&fresh, 30)
    };
    let end = delivered(&once, 31);
    for stand in [fresh, once, end] {
        let settled = settle(&*part, vec![settlement(stand.clone())]).await;
        assert_eq!(settled, [Settled::Recorded]);
        assert_eq!(read(&*part, &stand).await, Some(stand));
    }
}

/// The first end stays; the attempt that came too late is kept.
pub async fn a_delivery_ends_once(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let fresh = delivery(&event(1), 0);
    let first = delivered(&fresh, 2);
    let second = failed(&first, 3);
    let settled = settle(&*part, vec![attempted(first.clone(), 2)]).await;
    assert_eq!(settled, [Settled::Recorded]);
    let settled = settle(&*part, vec![attempted(second.clone(), 3)]).await;
    assert_eq!(settled, [Settled::HadEnded]);
    assert_eq!(read(&*part, &fresh).await, Some(first.clone()));
    let attempts = part
        .attempts(&fresh.scope, fresh.id.attempt(0), 100)
        .await
        .unwrap();
    assert_eq!(attempts, [attempt(&first, 2), attempt(&second, 3)]);
}

/// Not even by a settlement without an attempt.
pub async fn an_ended_delivery_never_waits_again(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let fresh = delivery(&event(1), 0);
    let end = delivered(&fresh, 2);
    settle(&*part, vec![settlement(end.clone())]).await;
    let late = vec![settlement(fresh.clone()), settlement(waiting(&end, 90))];
    let settled = settle(&*part, late).await;
    assert_eq!(settled, [Settled::HadEnded, Settled::HadEnded]);
    assert_eq!(read(&*part, &fresh).await, Some(end));
    assert!(part.lanes(None, 10).await.unwrap().is_empty());
}

/// A delivery that is parked late must not begin anew; one that is discarded late keeps what is known.
pub async fn a_late_settlement_never_undoes_a_recorded_attempt(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let fresh = delivery(&event(1), 0);
    let once = Delivery {
        attempts: 1,
        first_attempt_at: Some(time(2)),
        last_status: Some(500),
        ..waiting(&fresh, 30)
    };
    settle(&*part, vec![attempted(once.clone(), 2)]).await;
    let settled = settle(&*part, vec![settlement(fresh.clone())]).await;
    assert_eq!(settled, [Settled::Recorded]);
    assert_eq!(read(&*part, &fresh).await, Some(once.clone()));
    let state = DeliveryState::Discarded {
        at: time(3),
        reason: DiscardedReason::EndpointDeleted,
    };
    let discarded = Delivery { state, ..fresh };
    let settled = settle(&*part, vec![settlement(discarded)]).await;
    assert_eq!(settled, [Settled::Recorded]);
    assert_eq!(read(&*part, &once).await, Some(Delivery { state, ..once }));
}

/// A delivery may come several times.
pub async fn the_order_within_a_call_counts(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let fresh = delivery(&event(1), 0);
    let end = delivered(&fresh, 2);
    let call = [
        fresh.clone(),
        waiting(&fresh, 7),
        end.clone(),
        failed(&fresh, 3),
        fresh.clone(),
    ];
    let settled = settle(&*part, call.map(settlement).into()).await;
    let (recorded, had_ended) = (Settled::Recorded, Settled::HadEnded);
    assert_eq!(
        settled,
        [recorded, recorded, recorded, had_ended, had_ended]
    );
    assert_eq!(read(&*part, &fresh).await, Some(end));
}

/// In one call: what is new, what waited, what another recorded, and what goes on. Each is counted once.
pub async fn what_arrived_is_settled_beside_all_else(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let [new, parked, recorded, again] = [1, 2, 3, 4].map(|number| delivery(&event(number), 0));
    let arrived = |fresh: &Delivery| attempted(delivered(fresh, 9), 9);
    let before = vec![settlement(parked.clone()), arrived(&recorded)];
    settle(&*part, before).await;
    let retried = Delivery {
        attempts: 1,
        first_attempt_at: Some(time(9)),
        last_status: Some(500),
        ..waiting(&again, 30)
    };
    let calls = [
        vec![arrived(&new), arrived(&parked)],
        vec![arrived(&recorded), arrived(&new)],
        vec![
            attempted(retried.clone(), 9),
            arrived(&delivery(&event(5), 0)),
        ],
        vec![arrived(&delivery(&event(6), 0))],
    ];
    let mut settled = Vec::new();
    for call in calls {
        settled.extend(settle(&*part, call).await);
    }
    let (was_recorded, had_ended) = (Settled::Recorded, Settled::HadEnded);
    let mut expected = [was_recorded; 7];
    expected[2..4].fill(had_ended);
    assert_eq!(settled, expected);
    for fresh in [&new, &parked, &recorded] {
        assert_eq!(read(&*part, fresh).await, Some(delivered(fresh, 9)));
        let attempts = part
            .attempts(&fresh.scope, fresh.id.attempt(0), 100)
            .await
            .unwrap();
        assert_eq!(attempts, [attempt(&delivered(fresh, 9), 9)]);
    }
    assert_eq!(read(&*part, &again).await, Some(retried));
    let lanes = part.lanes(None, 10).await.unwrap();
    assert_eq!(lanes.len(), 1);
    let tallies = part
        .tallies(new.endpoint, time(0), time(100))
        .await
        .unwrap();
    let sum = |count: fn(&Tally) -> u64| tallies.iter().map(count).sum::<u64>();
    assert_eq!(sum(|tally| tally.delivered), 5);
    assert_eq!(sum(|tally| tally.succeeded), 5);
    assert_eq!(sum(|tally| tally.unsuccessful), 1);
    assert_eq!(sum(|tally| tally.duration_ms), 6 * 250);
}

/// Every field, with bodies that are no text, long or empty.
pub async fn attempts_are_read_oldest_first_as_they_were_made(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let neighbours = [delivery(&event(1), 0), delivery(&event(1), 1)];
    let mut expected = Vec::new();
    for (number, body) in [(1, vec![b'x'; 4_096]), (2, Vec::new()), (3, vec![255; 9])] {
        for neighbour in &neighbours {
            let stand = Delivery {
                attempts: number,
                last_status: (number != 2).then_some(503),
                last_error: failed(neighbour, 1).last_error.filter(|_| number == 2),
                ..waiting(neighbour, 50)
            };
            let attempt = Attempt {
                response_body: body.clone(),
                trigger: if number == 3 {
                    Trigger::Manual
                } else {
                    Trigger::Scheduled
                },
                address: None,
                http_version: None,
                ..attempt(&stand, u64::from(number))
            };
            if neighbour == &neighbours[0] {
                expected.push(attempt.clone());
            }
            let settlement = Settlement {
                delivery: stand,
                attempt: Some(Box::new(attempt)),
            };
            settle(&*part, vec![settlement]).await;
        }
    }
    let read = async |after, limit| {
        let after = neighbours[0].id.attempt(after);
        part.attempts(&scope("a"), after, limit).await.unwrap()
    };
    assert_eq!(read(0, 100).await, expected);
    assert_eq!(read(0, 2).await, expected[..2]);
    assert_eq!(read(1, 1).await, expected[1..2]);
    assert_eq!(read(2, 100).await, expected[2..]);
    assert_eq!(read(3, 100).await, []);
}

/// A caller that does not know whether it was done may do it again.
pub async fn settling_the_same_again_changes_nothing(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let once = Delivery {
        attempts: 1,
        ..waiting(&delivery(&event(1), 0), 30)
    };
    let end = delivered(&delivery(&event(2), 1), 5);
    let settlements = Arc::new(vec![attempted(once.clone(), 2), attempted(end.clone(), 4)]);
    let mut seen = Vec::new();
    for _ in 0..3 {
        part.settle(Arc::clone(&settlements), Some(7))
            .await
            .unwrap();
        seen.push((
            part.deliveries(&deliveries_of("a")).await.unwrap(),
            part.attempts(&scope("a"), once.id.attempt(0), 100)
                .await
                .unwrap(),
            part.attempts(&scope("a"), end.id.attempt(0), 100)
                .await
                .unwrap(),
            part.tallies(once.endpoint, time(0), time(600))
                .await
                .unwrap(),
            part.tallies(end.endpoint, time(0), time(600))
                .await
                .unwrap(),
        ));
    }
    assert_eq!(seen[0].0, [end, once]);
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[1], seen[2]);
}

/// A lower one is no error.
pub async fn the_materialised_position_only_rises(engine: &dyn Engine) {
    let mut store = engine.fresh().await;
    assert_eq!(store.deliveries().materialised().await.unwrap(), 0);
    let fresh = settlement(delivery(&event(1), 0));
    for (given, expected) in [(Some(5), 5), (None, 5), (Some(3), 5), (Some(6), 6)] {
        for settlements in [Vec::new(), vec![fresh.clone()]] {
            let part = store.deliveries();
            part.settle(Arc::new(settlements), given).await.unwrap();
            assert_eq!(part.materialised().await.unwrap(), expected);
        }
    }
    store = store.crash().await;
    assert_eq!(store.deliveries().materialised().await.unwrap(), 6);
    store = store.restart().await;
    assert_eq!(store.deliveries().materialised().await.unwrap(), 6);
}

/// Another tenant sees neither the delivery nor its attempts.
pub async fn settlements_belong_to_their_tenant(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let end = delivered(&delivery(&event(1), 0), 2);
    settle(&*part, vec![attempted(end.clone(), 2)]).await;
    for other in [scope("b"), scope("A")] {
        assert_eq!(part.delivery(&other, end.id).await.unwrap(), None);
        assert!(
            part.attempts(&other, end.id.attempt(0), 100)
                .await
                .unwrap()
                .is_empty()
        );
        assert!(part.existing(&other, &[end.id]).await.unwrap().is_empty());
    }
    assert!(
        part.deliveries(&deliveries_of("b"))
            .await
            .unwrap()
            .is_empty()
    );
}

/// All in one commit, each with its answer.
pub async fn many_settlements_go_in_one_call(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let settlements: Vec<_> = (0..3_000)
        .map(|number| attempted(delivered(&delivery(&event(number), 0), number), number))
        .collect();
    let settled = settle(&*part, settlements).await;
    assert_eq!(settled, vec![Settled::Recorded; 3_000]);
    let listed = part.deliveries(&deliveries_of("a")).await.unwrap();
    assert_eq!(listed.len(), 1_000);
}

/// And nothing else of it; another tenant's is not found.
pub async fn what_an_attempt_was_answered_can_be_replaced(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let done = delivered(&delivery(&event(1), 0), 5);
    let before = attempt(&done, 4);
    settle(&*part, vec![attempted(done.clone(), 4)]).await;
    let replace = async |tenant: &str, id| {
        let (scope, body) = (scope(tenant), b"gone".to_vec());
        part.replace_response(&scope, id, body).await.unwrap()
    };
    assert!(!replace("b", before.id).await);
    assert!(!replace("a", done.id.attempt(9)).await);
    assert!(replace("a", before.id).await);
    let read = part
        .attempts(&done.scope, done.id.attempt(0), 100)
        .await
        .unwrap();
    let wanted = Attempt {
        response_body: b"gone".to_vec(),
        ..before
    };
    assert_eq!(read, [wanted]);
}
