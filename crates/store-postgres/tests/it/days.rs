//! Retention by days.

use std::sync::Arc;

use fanfare_app::port::deliveries::{Expired, Settlement};
use fanfare_app::port::log::{Appended, EventRef, Old};
use fanfare_domain::delivery::DeliveryState;
use fanfare_store_postgres::PostgresStore;
use fanfare_testkit::postgres::Database;

use crate::databases::{open, with_a_store};
use crate::made::{append, attempted, delivery, endpoint, event, hour, scope, with_uid};

/// Three days of events; that of each day's third hour waits still, and the others have arrived.
async fn three_days() -> (Database, PostgresStore) {
    let database = with_a_store().await;
    let store = open(&database.address()).await;
    for number in (0..72).step_by(3) {
        let event = event(hour(number), number);
        let mut append = append(event.clone());
        if number % 24 == 0 {
            append = with_uid(hour(number), number, &format!("day {}", number / 24));
        }
        let answers = store.log().append(vec![append]).await.unwrap();
        let Appended::At(position) = answers[0] else {
            panic!("not appended");
        };
        let state = if number % 24 == 3 {
            DeliveryState::Waiting { due_at: hour(900) }
        } else {
            DeliveryState::Delivered { at: hour(number) }
        };
        let settled = vec![attempted(delivery(&event), state, hour(number))];
        let settling = store
            .deliveries()
            .settle(Arc::new(settled), Some(position))
            .await;
        settling.unwrap();
    }
    (database, store)
}

/// The hours whose events, payloads, deliveries and attempts are there.
async fn left(store: &PostgresStore) -> [Vec<u64>; 4] {
    let mut left: [Vec<u64>; 4] = Default::default();
    for number in (0..72).step_by(3) {
        let event = event(hour(number), number);
        let id = delivery(&event).id;
        let kept = store.log().event(&scope(), &EventRef::Id(event.id)).await;
        if kept.unwrap().is_some() {
            left[0].push(number);
        }
        let ids = [event.id];
        let payloads = store.log().with_payload(&scope(), &ids).await.unwrap();
        if !payloads.is_empty() {
            left[1].push(number);
        }
        let part = store.deliveries();
        if part.delivery(&scope(), id).await.unwrap().is_some() {
            left[2].push(number);
        }
        let attempts = part.attempts(&scope(), id.attempt(0), 1).await;
        if !attempts.unwrap().is_empty() {
            left[3].push(number);
        }
    }
    left
}

fn hours(from: u64, besides: &[u64]) -> Vec<u64> {
    let rest = (from..72).step_by(3);
    besides.iter().copied().chain(rest).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn days_go_whole_but_for_what_waits() {
    let (_database, store) = three_days().await;
    let part = store.deliveries();
    // In the middle of the second day, and again when there is nothing more to take.
    for _ in 0..2 {
        part.drop_expired(Expired::Attempts(hour(36)), 500)
            .await
            .unwrap();
        assert!(
            store
                .log()
                .drop_days(Old::Payloads, hour(36))
                .await
                .unwrap()
        );
        assert_eq!(
            left(&store).await,
            [
                hours(0, &[]),
                hours(24, &[3]),
                hours(0, &[]),
                hours(24, &[3])
            ]
        );
    }
    part.drop_expired(Expired::Deliveries(hour(49)), 500)
        .await
        .unwrap();
    assert!(store.log().drop_days(Old::Events, hour(49)).await.unwrap());
    let waiting = hours(48, &[3, 27]);
    let expected = [&waiting, &waiting, &waiting, &waiting].map(Clone::clone);
    assert_eq!(left(&store).await, expected);
    part.drop_expired(Expired::Tallies(hour(49)), 500)
        .await
        .unwrap();
    let tallies = part.tallies(endpoint(), hour(0), hour(72)).await.unwrap();
    assert_eq!(tallies.len(), 8, "those of the third day");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callers_id_is_free_again_when_its_day_is_gone() {
    let (_database, store) = three_days().await;
    store.log().drop_days(Old::Events, hour(30)).await.unwrap();
    let again = |day: &str| with_uid(hour(71), 1_000, day);
    let answers = store.log().append(vec![again("day 1")]).await.unwrap();
    assert!(matches!(answers[..], [Appended::Twin(_)]), "{answers:?}");
    let answers = store.log().append(vec![again("day 0")]).await.unwrap();
    assert!(matches!(answers[..], [Appended::At(_)]), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_ends_although_its_day_is_gone_for_another_node() {
    let (database, store) = three_days().await;
    let other = open(&database.address()).await;
    // It knows all the partitions.
    let settled = Settlement {
        delivery: delivery(&event(hour(3), 3)),
        attempt: None,
    };
    let part = other.deliveries();
    part.settle(Arc::new(vec![settled]), None).await.unwrap();
    let taken = Expired::Deliveries(hour(72));
    store.deliveries().drop_expired(taken, 9).await.unwrap();
    let end = DeliveryState::Delivered { at: hour(80) };
    let waits = part.due(endpoint(), hour(901), 1).await.unwrap();
    let first = waits.deliveries[0].clone();
    let settled = vec![attempted(first.clone(), end, hour(80))];
    part.settle(Arc::new(settled), None).await.unwrap();
    let read = store.deliveries().delivery(&scope(), first.id).await;
    assert_eq!(read.unwrap().map(|read| read.state), Some(end));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_on_its_way_without_a_row_is_kept() {
    let database = with_a_store().await;
    let store = open(&database.address()).await;
    let appends = vec![append(event(hour(1), 1)), append(event(hour(2), 2))];
    let answers = store.log().append(appends).await.unwrap();
    let Appended::At(first) = answers[0] else {
        panic!("not appended");
    };
    let part = store.deliveries();
    part.settle(Arc::default(), Some(first)).await.unwrap();
    store.log().drop_days(Old::Events, hour(72)).await.unwrap();
    let read = store.log().read_after(0, 10).await.unwrap();
    let ids: Vec<_> = read.iter().map(|(_, event)| event.id).collect();
    assert_eq!(ids, [event(hour(2), 2).id]);
    assert!(!read[0].1.payload_gone());
}
