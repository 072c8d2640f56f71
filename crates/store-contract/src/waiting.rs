//! What waits.

use std::collections::HashSet;

use fanfare_app::port::deliveries::{Backlog, Count, MOST_COUNTED, WaitingLane};
use fanfare_domain::delivery::{Delivery, DeliveryState, DiscardedReason, StateName};
use fanfare_domain::id::{DeliveryId, EndpointId};

use crate::engine::Engine;
use crate::made::{
    delivered, deliveries_of, delivery, endpoint, event, event_id, replay, scope, settlement, time,
    waiting,
};
use crate::settle::{read, settle};

fn ids(deliveries: &[Delivery]) -> Vec<DeliveryId> {
    deliveries.iter().map(|delivery| delivery.id).collect()
}

/// Those of the endpoint only, whole.
pub async fn what_is_due_comes_longest_due_first(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let own = [(1, 50), (2, 30), (3, 40), (4, 61), (5, 60)];
    let own = own.map(|(number, due)| waiting(&delivery(&event(number), 0), due));
    let other = waiting(&delivery(&event(1), 1), 10);
    let ended = delivered(&delivery(&event(6), 0), 10);
    let rows = own.iter().chain([&other, &ended]);
    settle(&*part, rows.cloned().map(settlement).collect()).await;
    let due = part.due(endpoint(1), time(60), 10).await.unwrap();
    let expected = [1, 2, 0, 4].map(|place: usize| own[place].clone());
    assert_eq!(due.deliveries, expected);
    assert_eq!(due.next, Some(time(61)));
}

/// Whether that one is due itself, or later; none when nothing is left out.
pub async fn the_next_due_time_is_that_of_the_first_one_left_out(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let rows = [(1, 10), (2, 20), (3, 20), (4, 90)];
    let rows = rows.map(|(number, due)| settlement(waiting(&delivery(&event(number), 0), due)));
    settle(&*part, rows.into()).await;
    let cases = [
        (5, 10, 0, Some(10)),
        (10, 10, 1, Some(20)),
        (20, 10, 3, Some(90)),
        (20, 1, 1, Some(20)),
        (20, 2, 2, Some(20)),
        (20, 3, 3, Some(90)),
        (20, 0, 0, Some(10)),
        (95, 10, 4, None),
        (95, 4, 4, None),
        (95, 3, 3, Some(90)),
    ];
    for (now, limit, count, next) in cases {
        let due = part.due(endpoint(1), time(now), limit).await.unwrap();
        let found = (due.deliveries.len(), due.next);
        assert_eq!(found, (count, next.map(time)), "{limit} at {now}");
    }
    let none = part.due(endpoint(9), time(95), 10).await.unwrap();
    assert_eq!(none, fanfare_app::port::deliveries::Due::default());
}

/// Each with its first due time, however many wait.
pub async fn lanes_are_listed_by_endpoint_page_by_page(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let mut rows = Vec::new();
    for number in 0..7 {
        for row in 0..20 {
            rows.push(settlement(Delivery {
                endpoint: endpoint(number),
                ..waiting(&delivery(&event(number * 20 + row), 0), 500 - number - row)
            }));
        }
    }
    let ended = delivered(&delivery(&event(900), 0), 901);
    rows.push(settlement(Delivery {
        endpoint: endpoint(50),
        ..ended
    }));
    settle(&*part, rows).await;
    let mut lanes: Vec<WaitingLane> = Vec::new();
    loop {
        let after: Option<EndpointId> = lanes.last().map(|lane| lane.endpoint);
        let page = part.lanes(after, 3).await.unwrap();
        assert!(page.len() <= 3);
        if page.is_empty() {
            break;
        }
        lanes.extend(page);
    }
    let expected = (0..7).map(|number| WaitingLane {
        endpoint: endpoint(number),
        next: time(500 - number - 19),
        in_turn: false,
    });
    assert_eq!(lanes, expected.collect::<Vec<_>>());
}

/// And says when the oldest was made, not when it is due.
pub async fn the_backlog_counts_what_waits(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    assert_eq!(part.backlog().await.unwrap(), Backlog::default());
    let rows = (3..8).map(|number| settlement(waiting(&delivery(&event(number), 0), 90 - number)));
    settle(&*part, rows.collect()).await;
    let old = delivered(&delivery(&event(1), 0), 2);
    settle(&*part, vec![settlement(old)]).await;
    let expected = Backlog {
        waiting: Count::Exact(5),
        oldest: Some(time(3)),
    };
    assert_eq!(part.backlog().await.unwrap(), expected);
    let oldest = delivered(&delivery(&event(3), 0), 99);
    settle(&*part, vec![settlement(oldest)]).await;
    let expected = Backlog {
        waiting: Count::Exact(4),
        oldest: Some(time(4)),
    };
    assert_eq!(part.backlog().await.unwrap(), expected);
}

/// Of that endpoint only; what is known of the attempts stays.
pub async fn waiting_deliveries_are_discarded_in_steps(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let own: Vec<_> = (0..7)
        .map(|number| Delivery {
            attempts: 2,
            last_status: Some(500),
            ..waiting(&delivery(&event(number), 0), 90)
        })
        .collect();
    let others = (0..3).map(|number| delivery(&event(number), 1));
    let ended = delivered(&delivery(&event(20), 0), 21);
    let rows = own.iter().cloned().chain(others).chain([ended.clone()]);
    settle(&*part, rows.map(settlement).collect()).await;
    let reason = DiscardedReason::EndpointDeleted;
    let mut steps = Vec::new();
    loop {
        let step = part.discard(endpoint(1), reason, time(100), 3).await;
        steps.push(step.unwrap());
        if steps.last() == Some(&0) {
            break;
        }
    }
    assert_eq!(steps, [3, 3, 1, 0]);
    let at = time(100);
    for delivery in &own {
        let state = DeliveryState::Discarded { at, reason };
        let expected = Delivery {
            state,
            ..delivery.clone()
        };
        assert_eq!(read(&*part, delivery).await, Some(expected));
    }
    assert_eq!(read(&*part, &ended).await, Some(ended));
    let mut query = deliveries_of("a");
    query.state = Some(StateName::Waiting);
    let left = part.deliveries(&query).await.unwrap();
    assert_eq!(left.len(), 3);
    assert!(left.iter().all(|left| left.endpoint == endpoint(2)));
    let due = part.due(endpoint(1), time(900), 10).await.unwrap();
    assert!(ids(&due.deliveries).is_empty() && due.next.is_none());
}

/// By a first delivery or by a replay.
pub async fn events_with_a_waiting_delivery_are_told_apart(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let ended = |number| delivered(&delivery(&event(number), 0), 50);
    let rows = vec![
        ended(1),
        delivery(&event(2), 1),
        ended(3),
        replay(&delivery(&event(3), 0), 60),
        ended(4),
        delivered(&replay(&ended(4), 61), 62),
    ];
    settle(&*part, rows.into_iter().map(settlement).collect()).await;
    let asked = [1, 2, 3, 4, 5].map(event_id);
    let found = part.waiting_events(&asked).await.unwrap();
    assert_eq!(found, HashSet::from([event_id(2), event_id(3)]));
}

/// Whether they wait or ended.
pub async fn rows_that_exist_are_told_apart(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let there = [
        delivery(&event(1), 0),
        delivered(&delivery(&event(2), 1), 3),
    ];
    settle(&*part, there.clone().map(settlement).into()).await;
    let missing = [delivery(&event(1), 1).id, delivery(&event(2), 0).id];
    let asked = [missing[0], there[0].id, missing[1], there[1].id];
    let found = part.existing(&scope("a"), &asked).await.unwrap();
    assert_eq!(found, ids(&there).into_iter().collect::<HashSet<_>>());
}

/// Over all endpoints, the longest expired first, and only while they wait; one without an end never.
pub async fn what_waits_past_its_end_is_found(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let ending = |number, place, end, due| Delivery {
        expires_at: Some(time(end)),
        ..waiting(&delivery(&event(number), place), due)
    };
    let rows = [
        ending(1, 0, 50, 10),
        ending(2, 1, 40, 30),
        ending(3, 0, 61, 20),
        ending(4, 1, 60, 60),
        waiting(&delivery(&event(5), 0), 10),
        delivered(&ending(6, 0, 30, 10), 20),
    ];
    settle(&*part, rows.clone().map(settlement).into()).await;
    let expired = part.expired(time(60), 10).await.unwrap();
    let expected = [1, 0, 3].map(|place: usize| rows[place].clone());
    assert_eq!(expired, expected);
    let first = part.expired(time(60), 2).await.unwrap();
    assert_eq!(first, expected[..2]);
    let state = DeliveryState::Discarded {
        at: time(70),
        reason: DiscardedReason::Expired,
    };
    let ends = expected.map(|row| settlement(Delivery { state, ..row }));
    settle(&*part, ends.into()).await;
    assert_eq!(part.expired(time(60), 10).await.unwrap(), []);
    let left = part.expired(time(61), 10).await.unwrap();
    assert_eq!(left, [rows[2].clone()]);
}

/// In the order in which they were asked for, and no further than asked.
pub async fn what_waits_is_counted_for_each_tenant(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let rows = [
        of("a", 1),
        of("b", 2),
        of("b", 3),
        delivered(&of("b", 4), 9),
        delivered(&of("c", 5), 9),
    ];
    settle(&*part, rows.map(settlement).into()).await;
    let asked =
        [("c", 5), ("b", 2), ("unknown", 1), ("a", 1)].map(|(name, most)| (scope(name), most));
    let counts = part.waiting_of(&asked).await.unwrap();
    assert_eq!(counts, [0, 2, 0, 1].map(Count::Exact));
    let counts = part.waiting_of(&[(scope("b"), 1)]).await.unwrap();
    assert_eq!(counts[0].value(), 2, "{counts:?}");
    assert_eq!(part.waiting_of(&[]).await.unwrap(), []);
}

/// Past it a store says that it does not know exactly, and still when the oldest was made.
pub async fn what_waits_is_counted_exactly_up_to_a_bound(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let of = |number: u64| match number % 10 {
        0 => of("b", number),
        _ => of("a", number),
    };
    let add = async |numbers: std::ops::Range<u64>| {
        let rows: Vec<_> = numbers.map(|number| settlement(of(number))).collect();
        for some in rows.chunks(1_000) {
            settle(&*part, some.to_vec()).await;
        }
    };
    add(1..10_001).await;
    let backlog = part.backlog().await.unwrap();
    assert_eq!(backlog.waiting, Count::Exact(MOST_COUNTED));
    add(10_001..16_001).await;
    let backlog = part.backlog().await.unwrap();
    assert!(may_be(backlog.waiting, 16_000, MOST_COUNTED), "{backlog:?}");
    assert_eq!(backlog.oldest, Some(time(1)));
    let asked = [("a", 12_000), ("b", 12_000), ("a", 500), ("b", 1_599)];
    let asked = asked.map(|(name, most)| (scope(name), most));
    let counts = part.waiting_of(&asked).await.unwrap();
    assert!(may_be(counts[0], 14_400, 12_000), "{counts:?}");
    assert_eq!(counts[1], Count::Exact(1_600));
    assert!(may_be(counts[2], 14_400, 500), "{counts:?}");
    assert!(may_be(counts[3], 1_600, 1_599), "{counts:?}");
}

/// Whether that may be said of so many, of which only some need be counted.
fn may_be(count: Count, truth: u64, counted: u64) -> bool {
    match count {
        Count::Exact(count) => count == truth,
        Count::About(count) => count.abs_diff(truth) <= truth / 3,
        Count::AtLeast(count) => count == counted + 1,
    }
}

fn of(tenant: &str, number: u64) -> Delivery {
    Delivery {
        scope: scope(tenant),
        ..delivery(&event(number), 0)
    }
}
