//! Appending to the log.

use std::sync::Arc;

use bytes::Bytes;
use fanfare_app::port::log::{Appended, Event, Position};

use crate::engine::Engine;
use crate::made::{append, endpoint, event, full_event};

pub(crate) fn positions(answers: &[Appended]) -> Vec<Position> {
    answers
        .iter()
        .map(|answer| match answer {
            Appended::At(position) => *position,
            other => panic!("not appended: {other:?}"),
        })
        .collect()
}

/// Every field comes back, also those that are mostly empty.
pub async fn events_are_read_back_as_they_were_appended(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let events = [event(1), full_event(2)];
    let answers = store.log().append(events.clone().map(append).into()).await;
    let positions = positions(&answers.unwrap());
    let read = store.log().read_after(0, 10).await.unwrap();
    let expected: Vec<_> = positions.into_iter().zip(events.map(Arc::new)).collect();
    assert_eq!(read, expected);
}

/// Answers come in the order of the call, and positions rise from call to call.
pub async fn positions_rise_in_the_order_of_the_call(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let mut all = Vec::new();
    for call in 0..3 {
        let events = (0..5).map(|number| append(event(call * 5 + number)));
        all.extend(positions(
            &store.log().append(events.collect()).await.unwrap(),
        ));
    }
    assert!(all.is_sorted_by(|a, b| a < b), "{all:?}");
    let read = store.log().read_after(0, 100).await.unwrap();
    let numbers: Vec<_> = read.iter().map(|(_, event)| event.id).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    assert!(all[0] > 0, "0 is before every event");
}

/// No two events get one position, and each call's events stand in its order.
pub async fn calls_at_the_same_time_get_positions_of_their_own(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let calls: Vec<_> = (0..50)
        .map(|call| {
            let log = store.log();
            tokio::spawn(async move {
                let events = (0..3).map(|number| append(event(call * 3 + number)));
                positions(&log.append(events.collect()).await.unwrap())
            })
        })
        .collect();
    let mut all = Vec::new();
    for call in calls {
        let positions = call.await.unwrap();
        assert!(positions.is_sorted_by(|a, b| a < b), "{positions:?}");
        all.extend(positions);
    }
    all.sort_unstable();
    let read = store.log().read_after(0, 1_000).await.unwrap();
    let read: Vec<_> = read.into_iter().map(|(position, _)| position).collect();
    assert_eq!(all, read);
    assert_eq!(read.len(), 150);
}

/// An empty call has an empty answer.
pub async fn nothing_to_append_is_answered_with_nothing(engine: &dyn Engine) {
    let store = engine.fresh().await;
    assert_eq!(store.log().append(Vec::new()).await.unwrap(), []);
}

/// An answer means that it is durable.
pub async fn what_was_acknowledged_is_there_after_a_crash(engine: &dyn Engine) {
    let mut store = engine.fresh().await;
    let mut expected = Vec::new();
    for round in 0..3 {
        let events: Vec<_> = (0..10).map(|number| event(round * 10 + number)).collect();
        expected.extend(events.iter().map(|event| event.id));
        let appends = events.into_iter().map(append).collect();
        store.log().append(appends).await.unwrap();
        store = store.crash().await;
        let read = store.log().read_after(0, 100).await.unwrap();
        let read: Vec<_> = read.into_iter().map(|(_, event)| event.id).collect();
        assert_eq!(read, expected);
    }
}

/// Sizes far above the usual change nothing.
pub async fn a_large_event_with_many_targets_is_kept_whole(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let large = Event {
        data: Bytes::from(vec![b'9'; 4 << 20]),
        targets: (0..10_000).map(endpoint).collect(),
        ..event(1)
    };
    let appends = vec![append(large.clone())];
    store.log().append(appends).await.unwrap();
    let read = store.log().read_after(0, 1).await.unwrap();
    assert!(*read[0].1 == large);
}
