//! Listing deliveries.

use fanfare_app::port::Deliveries;
use fanfare_app::port::deliveries::DeliveryQuery;
use fanfare_domain::attempt::ErrorKind;
use fanfare_domain::delivery::{Delivery, StateName};
use fanfare_domain::id::DeliveryId;

use crate::engine::{Engine, OpenStore};
use crate::made::{
    delivered, deliveries_of, delivery, endpoint, event, event_id, event_type, failed, replay,
    scope, settlement, time,
};
use crate::settle::settle;

/// Deliveries in each state, of two types and two tenants, to two endpoints each, with replays.
fn population() -> Vec<Delivery> {
    let mut rows = Vec::new();
    for number in 0..24 {
        let event = fanfare_app::port::log::Event {
            scope: scope(if number % 5 == 0 { "b" } else { "a" }),
            event_type: event_type(if number % 3 == 0 { "third" } else { "other" }),
            ..event(number)
        };
        for place in 0..2 {
            let fresh = delivery(&event, place);
            let stand = match (number + u64::from(place)) % 4 {
                0 => fresh,
                1 => failed(&fresh, number + 30),
                _ => delivered(&fresh, number + 30),
            };
            if number % 4 == 1 {
                rows.push(replay(&stand, number + 2));
            }
            rows.push(stand);
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.id));
    rows
}

async fn store_of(engine: &dyn Engine, rows: &[Delivery]) -> Box<dyn OpenStore> {
    let store = engine.fresh().await;
    // Neither in the order of ids nor in the reverse one.
    let mut mixed: Vec<_> = rows.iter().cloned().map(settlement).collect();
    mixed.sort_by_key(|row| row.delivery.id.bits() % 7_919);
    settle(&*store.deliveries(), mixed).await;
    store
}

pub(crate) fn fits(row: &Delivery, query: &DeliveryQuery) -> bool {
    row.scope == query.scope
        && query.event.is_none_or(|event| row.event == event)
        && query
            .endpoint
            .is_none_or(|endpoint| row.endpoint == endpoint)
        && query.state.is_none_or(|state| row.state.name() == state)
        && query
            .event_type
            .as_ref()
            .is_none_or(|name| row.event_type == *name)
        && query
            .last_error
            .is_none_or(|kind| row.last_error == Some(kind))
        && query
            .last_status
            .is_none_or(|status| row.last_status == Some(status))
        && query.since.is_none_or(|since| row.created_at >= since)
        && query.until.is_none_or(|until| row.created_at < until)
        && query.before.is_none_or(|before| row.id < before)
}

/// Walks through all pages of a list.
pub(crate) async fn walk(part: &dyn Deliveries, query: &DeliveryQuery) -> Vec<Delivery> {
    let mut query = query.clone();
    let mut listed: Vec<Delivery> = Vec::new();
    loop {
        let page = part.deliveries(&query).await.unwrap();
        assert!(page.len() <= query.limit);
        let Some(last) = page.last() else {
            return listed;
        };
        query.before = Some(last.id);
        listed.extend(page);
    }
}

async fn check(part: &dyn Deliveries, rows: &[Delivery], query: &DeliveryQuery) {
    let expected: Vec<_> = rows
        .iter()
        .filter(|row| fits(row, query))
        .cloned()
        .collect();
    for limit in [1_000, 3] {
        let query = DeliveryQuery {
            limit,
            ..query.clone()
        };
        assert_eq!(walk(part, &query).await, expected, "{query:?}");
    }
}

/// Without gaps and repetitions, and without another tenant's.
pub async fn deliveries_are_listed_newest_first_page_by_page(engine: &dyn Engine) {
    let rows = population();
    let store = store_of(engine, &rows).await;
    for tenant in ["a", "b", "c"] {
        check(&*store.deliveries(), &rows, &deliveries_of(tenant)).await;
    }
}

fn choices() -> [Vec<DeliveryQuery>; 6] {
    let all = || deliveries_of("a");
    let states = [
        StateName::Waiting,
        StateName::Delivered,
        StateName::Failed,
        StateName::Discarded,
    ];
    let state = |state| DeliveryQuery {
        state: Some(state),
        ..all()
    };
    let endpoint = |number| DeliveryQuery {
        endpoint: Some(endpoint(number)),
        ..all()
    };
    let type_named = |name| DeliveryQuery {
        event_type: Some(event_type(name)),
        ..all()
    };
    let event = |number| DeliveryQuery {
        event: Some(event_id(number)),
        ..all()
    };
    let span = |since: Option<u64>, until: Option<u64>| DeliveryQuery {
        since: since.map(time),
        until: until.map(time),
        ..all()
    };
    let answered = |last_status, last_error| DeliveryQuery {
        last_status,
        last_error,
        ..all()
    };
    [
        vec![
            answered(Some(204), None),
            answered(None, Some(ErrorKind::Timeout)),
            answered(Some(503), None),
        ],
        states.map(state).into(),
        [1, 2, 3].map(endpoint).into(),
        ["third", "other", "none"].map(type_named).into(),
        [0, 1, 2, 9, 99].map(event).into(),
        vec![
            span(Some(7), None),
            span(None, Some(9)),
            span(Some(7), Some(16)),
            span(Some(9), Some(9)),
        ],
    ]
}

/// By state, endpoint, type, event, time, and the last attempt's outcome.
pub async fn each_filter_narrows_the_list(engine: &dyn Engine) {
    let rows = population();
    let store = store_of(engine, &rows).await;
    for query in choices().into_iter().flatten() {
        check(&*store.deliveries(), &rows, &query).await;
    }
}

/// Every pair of kinds of filters.
pub async fn filters_work_together(engine: &dyn Engine) {
    let rows = population();
    let store = store_of(engine, &rows).await;
    let choices = choices();
    for (place, kind) in choices.iter().enumerate() {
        for (one, other) in kind.iter().flat_map(|one| {
            choices[place + 1..]
                .iter()
                .flatten()
                .map(move |other| (one, other))
        }) {
            let both = DeliveryQuery {
                state: one.state.or(other.state),
                endpoint: one.endpoint.or(other.endpoint),
                event_type: one.event_type.clone().or(other.event_type.clone()),
                event: one.event.or(other.event),
                last_error: one.last_error.or(other.last_error),
                last_status: one.last_status.or(other.last_status),
                since: one.since.or(other.since),
                until: one.until.or(other.until),
                ..deliveries_of("a")
            };
            check(&*store.deliveries(), &rows, &both).await;
        }
    }
}

/// Newest first all the same.
pub async fn an_events_replays_are_listed_with_its_first_deliveries(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let first = [0, 1].map(|place| delivered(&delivery(&event(1), place), 2));
    let again = replay(&first[0], 10);
    let never_had = Delivery {
        replay_of: None,
        endpoint: endpoint(3),
        ..replay(&first[0], 11)
    };
    let rows = [never_had, again, first[1].clone(), first[0].clone()];
    let neighbour = delivered(&delivery(&event(2), 0), 3);
    let settled = rows.iter().chain([&neighbour]).cloned().map(settlement);
    settle(&*part, settled.collect()).await;
    let query = DeliveryQuery {
        event: Some(event_id(1)),
        limit: 1,
        ..deliveries_of("a")
    };
    let listed: Vec<DeliveryId> = walk(&*part, &query)
        .await
        .iter()
        .map(|row| row.id)
        .collect();
    assert_eq!(listed, rows.map(|row| row.id));
}
