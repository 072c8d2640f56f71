//! Taking what has expired from the deliveries part.

use fanfare_app::port::Deliveries;
use fanfare_app::port::deliveries::{Count, Expired};
use fanfare_app::port::log::Event;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::time::Timestamp;

use crate::engine::Engine;
use crate::made::{
    START, attempted, delivered, deliveries_of, delivery, endpoint, event, failed, scope,
    settlement, time, waiting,
};
use crate::settle::{read, settle};

/// Steps until nothing is left to take; answers how many each took.
async fn take_all(part: &dyn Deliveries, expired: Expired, limit: usize) -> Vec<usize> {
    let mut steps = Vec::new();
    loop {
        let taken = part.drop_expired(expired, limit).await.unwrap();
        assert!(taken <= limit);
        if taken == 0 {
            return steps;
        }
        steps.push(taken);
    }
}

/// However old it is, with its attempts; and it hides nothing that stands behind it.
pub async fn what_waits_is_never_taken(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let of = |tenant: &str, number| Event {
        scope: scope(tenant),
        ..event(number)
    };
    let mut waits = Vec::new();
    let mut rows = Vec::new();
    for (start, tenant) in [(0, "a"), (200, "b"), (400, "c")] {
        for number in start..start + 200 {
            let fresh = delivery(&of(tenant, number), 0);
            if number % 50 == 49 {
                rows.push(attempted(delivered(&fresh, 300), 299));
            } else {
                let once = Delivery {
                    attempts: 1,
                    ..waiting(&fresh, 90_000)
                };
                waits.push(once.clone());
                rows.push(attempted(once, 299));
            }
        }
    }
    settle(&*part, rows).await;
    for expired in [
        Expired::Attempts(time(5_000)),
        Expired::Deliveries(time(5_000)),
    ] {
        let steps = take_all(&*part, expired, 5).await;
        assert_eq!(steps.iter().sum::<usize>(), 12, "{expired:?}");
    }
    for waiting in &waits {
        assert_eq!(read(&*part, waiting).await.as_ref(), Some(waiting));
        let attempts = part
            .attempts(&waiting.scope, waiting.id.attempt(0), 100)
            .await
            .unwrap();
        assert_eq!(attempts.len(), 1);
    }
    assert_eq!(part.backlog().await.unwrap().waiting, Count::Exact(588));
    // Once it ended, it can go.
    let end = failed(&waits[0], 400);
    settle(&*part, vec![settlement(end.clone())]).await;
    let steps = take_all(&*part, Expired::Deliveries(time(5_000)), 5).await;
    assert_eq!(steps, [1]);
    assert_eq!(read(&*part, &end).await, None);
    assert!(
        part.attempts(&end.scope, end.id.attempt(0), 100)
            .await
            .unwrap()
            .is_empty()
    );
}

/// From every list, too.
pub async fn expired_deliveries_go_with_their_attempts_in_steps(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let rows: Vec<_> = (0..20)
        .map(|number| delivered(&delivery(&event(number), 0), 50))
        .collect();
    let settled = rows.iter().map(|row| attempted(row.clone(), 49));
    settle(&*part, settled.collect()).await;
    let steps = take_all(&*part, Expired::Deliveries(time(15)), 4).await;
    assert_eq!(steps.iter().sum::<usize>(), 15);
    assert!(steps.len() >= 4, "{steps:?}");
    for (number, row) in rows.iter().enumerate() {
        let kept = number >= 15;
        assert_eq!(read(&*part, row).await.is_some(), kept);
        let attempts = part
            .attempts(&row.scope, row.id.attempt(0), 100)
            .await
            .unwrap();
        assert_eq!(attempts.len(), usize::from(kept));
    }
    let listed = part.deliveries(&deliveries_of("a")).await.unwrap();
    assert_eq!(listed.len(), 5);
}

/// The deliveries can still be looked up.
pub async fn expired_attempts_go_and_their_deliveries_stay(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let mut ends = Vec::new();
    for number in 0..6 {
        let once = Delivery {
            attempts: 1,
            ..waiting(&delivery(&event(number), 0), 70)
        };
        let end = delivered(&once, 71);
        settle(
            &*part,
            vec![attempted(once, 50), attempted(end.clone(), 70)],
        )
        .await;
        ends.push(end);
    }
    let steps = take_all(&*part, Expired::Attempts(time(4)), 3).await;
    assert_eq!(steps.iter().sum::<usize>(), 8);
    for (number, end) in ends.iter().enumerate() {
        assert_eq!(read(&*part, end).await.as_ref(), Some(end));
        let attempts = part
            .attempts(&end.scope, end.id.attempt(0), 100)
            .await
            .unwrap();
        assert_eq!(attempts.len(), if number < 4 { 0 } else { 2 });
    }
}

/// By minutes, for all endpoints.
pub async fn old_tallies_go(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    for minute in 0..10 {
        let rows = [0, 1]
            .map(|place| settlement(delivered(&delivery(&event(minute), place), minute * 60)));
        settle(&*part, rows.into()).await;
    }
    let steps = take_all(&*part, Expired::Tallies(time(7 * 60)), 3).await;
    assert_eq!(steps.iter().sum::<usize>(), 14);
    for number in [1, 2] {
        let from = Timestamp::from_seconds(START);
        let left = part.tallies(endpoint(number), from, time(6_000)).await;
        let left: Vec<_> = left.unwrap().iter().map(|tally| tally.minute).collect();
        assert_eq!(left, [7, 8, 9].map(|minute| START / 60 + minute));
    }
}

/// Nor a second time.
pub async fn nothing_is_taken_before_its_time(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let end = delivered(&delivery(&event(100), 0), 101);
    settle(&*part, vec![attempted(end.clone(), 100)]).await;
    for expired in [
        Expired::Attempts(time(100)),
        Expired::Deliveries(time(100)),
        Expired::Tallies(time(100)),
    ] {
        assert_eq!(part.drop_expired(expired, 10).await.unwrap(), 0);
    }
    for (expired, taken) in [
        (Expired::Attempts(time(101)), 1),
        (Expired::Deliveries(time(101)), 1),
        (Expired::Tallies(time(180)), 1),
    ] {
        assert_eq!(part.drop_expired(expired, 10).await.unwrap(), taken);
        assert_eq!(part.drop_expired(expired, 10).await.unwrap(), 0);
    }
    assert_eq!(read(&*part, &end).await, None);
}
