//! Tallies for each endpoint and minute.

use fanfare_app::port::deliveries::Tally;
use fanfare_domain::delivery::{Delivery, DiscardedReason};
use fanfare_domain::time::Timestamp;

use crate::engine::Engine;
use crate::made::{
    START, attempted, delivered, delivery, endpoint, event, failed, settlement, time, waiting,
};
use crate::settle::settle;

const MINUTE: i64 = START / 60;

/// In the minute in which an attempt began, and in which a delivery ended.
pub async fn tallies_add_up_for_each_endpoint_and_minute(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    for number in 1..=3 {
        let once = Delivery {
            attempts: 1,
            ..waiting(&delivery(&event(number), 0), 70)
        };
        let twice = if number == 1 {
            failed(&once, 80)
        } else {
            delivered(&once, 80)
        };
        let other = delivered(&delivery(&event(number), 1), 30);
        settle(&*part, vec![attempted(once, 10), attempted(other, 20)]).await;
        settle(&*part, vec![attempted(twice, 70)]).await;
    }
    let tallies = part.tallies(endpoint(1), time(0), time(600)).await.unwrap();
    // The first minute's start lies before time(0), which is some microseconds into it.
    let from = Timestamp::from_seconds(START);
    let all = part.tallies(endpoint(1), from, time(600)).await.unwrap();
    let first = Tally {
        minute: MINUTE,
        unsuccessful: 3,
        duration_ms: 750,
        ..Tally::default()
    };
    let second = Tally {
        minute: MINUTE + 1,
        succeeded: 2,
        unsuccessful: 1,
        delivered: 2,
        failed: 1,
        duration_ms: 750,
        ..Tally::default()
    };
    assert_eq!(all, [first, second]);
    assert_eq!(tallies.last(), all.last());
    let other = Tally {
        minute: MINUTE,
        succeeded: 3,
        delivered: 3,
        duration_ms: 750,
        ..Tally::default()
    };
    let others = part.tallies(endpoint(2), from, time(600)).await.unwrap();
    assert_eq!(others, [other]);
}

/// Its id says that it is the same.
pub async fn an_attempt_recorded_twice_counts_once(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let once = Delivery {
        attempts: 1,
        ..waiting(&delivery(&event(1), 0), 70)
    };
    let twice = attempted(once.clone(), 10);
    settle(&*part, vec![twice.clone(), twice.clone()]).await;
    settle(&*part, vec![twice]).await;
    let from = Timestamp::from_seconds(START);
    let tallies = part.tallies(endpoint(1), from, time(600)).await.unwrap();
    assert_eq!((tallies.len(), tallies[0].unsuccessful), (1, 1));
    let attempts = part
        .attempts(&once.scope, once.id.attempt(0), 10)
        .await
        .unwrap();
    assert_eq!(attempts.len(), 1);
}

/// Its attempt is.
pub async fn an_end_that_came_too_late_is_not_counted(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let end = delivered(&delivery(&event(1), 0), 5);
    let late = failed(&end, 6);
    settle(&*part, vec![attempted(end, 5), attempted(late, 6)]).await;
    let from = Timestamp::from_seconds(START);
    let tallies = part.tallies(endpoint(1), from, time(600)).await.unwrap();
    let expected = Tally {
        minute: MINUTE,
        succeeded: 1,
        unsuccessful: 1,
        delivered: 1,
        duration_ms: 500,
        ..Tally::default()
    };
    assert_eq!(tallies, [expected]);
}

/// Those that begin from the one time to before the other, oldest first.
pub async fn tallies_are_read_for_the_minutes_asked_for(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    for minute in 0..5 {
        let end = delivered(&delivery(&event(minute), 0), minute * 60 + 30);
        settle(&*part, vec![settlement(end)]).await;
    }
    let at = |minute: i64| Timestamp::from_seconds(START + 60 * minute);
    let tallies = part.tallies(endpoint(1), at(1), at(4)).await.unwrap();
    let minutes: Vec<_> = tallies.iter().map(|tally| tally.minute - MINUTE).collect();
    assert_eq!(minutes, [1, 2, 3]);
    let none = part.tallies(endpoint(9), at(0), at(9)).await.unwrap();
    assert!(none.is_empty());
}

/// In the minute of the discard.
pub async fn a_discard_is_counted(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let rows = (0..5).map(|number| settlement(delivery(&event(number), 0)));
    settle(&*part, rows.collect()).await;
    let reason = DiscardedReason::EndpointDisabled;
    for limit in [2, 2, 2, 2] {
        let step = part.discard(endpoint(1), reason, time(130), limit);
        step.await.unwrap();
    }
    let tallies = part.tallies(endpoint(1), time(0), time(600)).await.unwrap();
    let expected = Tally {
        minute: MINUTE + 2,
        discarded: 5,
        ..Tally::default()
    };
    assert_eq!(tallies, [expected]);
}
