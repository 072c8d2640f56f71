//! What a crash leaves, also between two parts.

use std::collections::HashSet;
use std::sync::Arc;

use fanfare_app::port::configuration::{Change, Kind};
use fanfare_app::port::deliveries::Count;
use fanfare_domain::id::DeliveryId;
use fanfare_domain::time::Timestamp;

use crate::append::positions;
use crate::configuration::done;
use crate::engine::{Engine, OpenStore};
use crate::made::{
    START, append, attempted, delivered, delivery, event, events_of, key, scope, settlement, time,
};

/// The log after the materialised position, less the rows that are there, is what has to go on.
pub async fn deliveries_without_a_row_are_found_in_the_log(engine: &dyn Engine) {
    let mut store = engine.fresh().await;
    let events: Vec<_> = (0..10).map(event).collect();
    let appends = events.iter().cloned().map(append).collect();
    let positions = positions(&store.log().append(appends).await.unwrap());
    // All of the first five are settled, then some of those behind them.
    let settled: Vec<_> = events[..5]
        .iter()
        .flat_map(|event| [0, 1].map(|place| delivered(&delivery(event, place), 50)))
        .collect();
    let rows = settled.into_iter().map(settlement).collect();
    let materialised = Some(positions[4]);
    let part = store.deliveries();
    part.settle(Arc::new(rows), materialised).await.unwrap();
    let some = [(6, 0), (7, 1), (9, 0)].map(|(number, place): (usize, u16)| {
        settlement(delivered(&delivery(&events[number], place), 51))
    });
    part.settle(Arc::new(some.into()), None).await.unwrap();
    drop(part);
    for _ in 0..2 {
        store = store.crash().await;
        assert_eq!(unfinished(&*store).await, {
            let expected = [(5, 0), (5, 1), (6, 1), (7, 0), (8, 0), (8, 1), (9, 1)];
            expected.map(|(number, place): (usize, u16)| events[number].id.delivery(place))
        });
    }
}

async fn unfinished(store: &dyn OpenStore) -> Vec<DeliveryId> {
    let part = store.deliveries();
    let mut position = part.materialised().await.unwrap();
    let mut unfinished = Vec::new();
    loop {
        let page = store.log().read_after(position, 2).await.unwrap();
        let Some((last, _)) = page.last() else {
            return unfinished;
        };
        position = *last;
        for (_, event) in page {
            let ids: Vec<_> = event.deliveries().map(|(id, _)| id).collect();
            let there = part.existing(&event.scope, &ids).await.unwrap();
            unfinished.extend(ids.into_iter().filter(|id| !there.contains(id)));
        }
    }
}

async fn fill(store: &dyn OpenStore) {
    let change = Change::Insert(key(Kind::Tenant, "default", "", "a"), "{}".to_owned());
    done(&*store.configuration(), vec![change]).await;
    let appends = vec![append(event(1)), append(event(2))];
    store.log().append(appends).await.unwrap();
    let rows = vec![
        attempted(delivered(&delivery(&event(1), 0), 3), 2),
        settlement(delivery(&event(1), 1)),
    ];
    let part = store.deliveries();
    part.settle(Arc::new(rows), Some(1)).await.unwrap();
}

async fn check(store: &dyn OpenStore) {
    let document = key(Kind::Tenant, "default", "", "a");
    let document = store.configuration().get(&document).await.unwrap();
    assert!(document.is_some());
    let events = store.log().events(&events_of("a")).await.unwrap();
    assert_eq!(events.len(), 2);
    let part = store.deliveries();
    assert_eq!(part.materialised().await.unwrap(), 1);
    let ids = [0, 1].map(|place| event(1).id.delivery(place));
    let there = part.existing(&scope("a"), &ids).await.unwrap();
    assert_eq!(there, HashSet::from(ids));
    let attempts = part
        .attempts(&scope("a"), ids[0].attempt(0), 10)
        .await
        .unwrap();
    assert_eq!(attempts.len(), 1);
    let end = delivered(&delivery(&event(1), 0), 3);
    let tallies = part.tallies(end.endpoint, Timestamp::from_seconds(START), time(60));
    assert_eq!(tallies.await.unwrap().len(), 1);
    let lanes = part.lanes(None, 10).await.unwrap();
    assert_eq!(lanes.len(), 1);
    assert_eq!(part.backlog().await.unwrap().waiting, Count::Exact(1));
}

/// Every part, several times.
pub async fn everything_survives_a_restart(engine: &dyn Engine) {
    let mut store = engine.fresh().await;
    fill(&*store).await;
    for _ in 0..3 {
        store = store.restart().await;
        check(&*store).await;
    }
}

/// Every part, several times.
pub async fn everything_acknowledged_survives_a_crash(engine: &dyn Engine) {
    let mut store = engine.fresh().await;
    fill(&*store).await;
    for _ in 0..3 {
        store = store.crash().await;
        check(&*store).await;
    }
}
