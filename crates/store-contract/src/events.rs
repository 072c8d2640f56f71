//! Looking events up.

use std::collections::BTreeSet;

use fanfare_app::port::log::{Event, EventQuery, EventRef, EventWalk};

use crate::append::positions;
use crate::engine::{Engine, OpenStore};
use crate::made::{append, event, event_id, event_type, events_of, full_event, scope, time};

async fn store_of(engine: &dyn Engine, events: Vec<Event>) -> Box<dyn OpenStore> {
    let store = engine.fresh().await;
    let appends = events.into_iter().map(append).collect();
    store.log().append(appends).await.unwrap();
    store
}

/// Each event once.
pub async fn the_log_is_read_in_order_page_by_page(engine: &dyn Engine) {
    let store = store_of(engine, (0..25).map(event).collect()).await;
    let mut position = 0;
    let mut read = Vec::new();
    loop {
        let page = store.log().read_after(position, 7).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        position = *last;
        assert!(page.len() <= 7);
        read.extend(page.into_iter().map(|(_, event)| event.id));
    }
    assert_eq!(read, (0..25).map(event_id).collect::<Vec<_>>());
}

/// Page by page, and those of events that are gone left out.
pub async fn positions_are_told_without_their_events(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let log = store.log();
    let appends = (0..25).map(event).map(append).collect();
    let mut expected = positions(&log.append(appends).await.unwrap());
    log.drop_events(vec![expected[3], expected[24]])
        .await
        .unwrap();
    expected.remove(24);
    expected.remove(3);
    let mut told = Vec::new();
    loop {
        let after = told.last().copied().unwrap_or(0);
        let page = log.positions_after(after, 7).await.unwrap();
        assert!(page.len() <= 7);
        if page.is_empty() {
            break;
        }
        told.extend(page);
    }
    assert_eq!(told, expected);
}

/// By Fanfare's id and by the caller's.
pub async fn an_event_is_found_by_its_tenant_only(engine: &dyn Engine) {
    let store = store_of(engine, vec![full_event(1)]).await;
    let log = store.log();
    let refs = [
        EventRef::Id(event_id(1)),
        EventRef::Uid("caller:1".to_owned()),
    ];
    for found in refs {
        let own = log.event(&scope("a"), &found).await.unwrap();
        assert_eq!(own.as_deref(), Some(&full_event(1)));
        for other in ["b", "A"] {
            assert_eq!(log.event(&scope(other), &found).await.unwrap(), None);
        }
    }
    let unknown = EventRef::Uid("caller:2".to_owned());
    assert_eq!(log.event(&scope("a"), &unknown).await.unwrap(), None);
}

/// Without gaps and repetitions, and without another tenant's.
pub async fn events_are_listed_newest_first_page_by_page(engine: &dyn Engine) {
    let events = (0..30).map(|number| Event {
        scope: scope(if number % 3 == 0 { "b" } else { "a" }),
        ..event(number)
    });
    let store = store_of(engine, events.collect()).await;
    let mut listed = Vec::new();
    loop {
        let query = EventQuery {
            before: listed.last().copied(),
            limit: 4,
            ..events_of("a")
        };
        let page = store.log().events(&query).await.unwrap();
        assert!(page.len() <= 4);
        if page.is_empty() {
            break;
        }
        listed.extend(page.iter().map(|event| event.id));
    }
    let own = (0..30).rev().filter(|number| number % 3 != 0);
    assert_eq!(listed, own.map(event_id).collect::<Vec<_>>());
    let nobody = store.log().events(&events_of("c")).await.unwrap();
    assert!(nobody.is_empty());
}

/// The start of a span belongs to it, its end does not.
pub async fn events_are_filtered_by_type_and_time(engine: &dyn Engine) {
    let events = (0..10).map(|number| Event {
        event_type: event_type(if number % 2 == 0 { "even" } else { "odd" }),
        ..event(number)
    });
    let store = store_of(engine, events.collect()).await;
    let (types, times) = ([None, Some("even"), Some("none")], [None, Some(3), Some(7)]);
    for name in types {
        for since in times {
            for until in times {
                let query = EventQuery {
                    event_type: name.map(event_type),
                    since: since.map(time),
                    until: until.map(time),
                    ..events_of("a")
                };
                let listed = store.log().events(&query).await.unwrap();
                let listed: Vec<_> = listed.iter().map(|event| event.id).collect();
                let expected = (0..10).rev().filter(|number| {
                    name.is_none_or(|name| name == "even" && number % 2 == 0)
                        && since.is_none_or(|since| *number >= since)
                        && until.is_none_or(|until| *number < until)
                });
                let expected: Vec<_> = expected.map(event_id).collect();
                assert_eq!(listed, expected, "{name:?} {since:?} {until:?}");
            }
        }
    }
}

/// Those that are gone, or another tenant's, are left out.
pub async fn events_are_found_by_their_ids(engine: &dyn Engine) {
    let others = Event {
        scope: scope("b"),
        ..event(3)
    };
    let store = store_of(engine, vec![event(1), event(2), others]).await;
    let ids = [event_id(2), event_id(3), event_id(9), event_id(1)];
    let found = store.log().events_by_id(&scope("a"), &ids).await.unwrap();
    let found: BTreeSet<_> = found.into_iter().map(|event| event.id).collect();
    assert_eq!(found, BTreeSet::from([event_id(1), event_id(2)]));
}

/// Oldest first, the tenant's own, within the span.
pub async fn events_are_walked_through_oldest_first(engine: &dyn Engine) {
    let events = (0..30).map(|number| Event {
        scope: scope(if number % 3 == 0 { "b" } else { "a" }),
        ..event(number)
    });
    let store = store_of(engine, events.collect()).await;
    for limit in [1, 4, 1_000] {
        let mut walk = EventWalk {
            scope: scope("a"),
            since: time(5),
            until: time(25),
            after: None,
            limit,
        };
        let mut found = Vec::new();
        loop {
            let page = store.log().events_from(&walk).await.unwrap();
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            walk.after = Some(last.id);
            found.extend(page.iter().map(|event| event.id));
        }
        let own = (5..25).filter(|number| number % 3 != 0);
        assert_eq!(found, own.map(event_id).collect::<Vec<_>>());
    }
}

/// Those of other tenants, those that are gone and those without data are left out.
pub async fn events_with_their_payload_are_told_apart(engine: &dyn Engine) {
    let other = Event {
        scope: scope("b"),
        ..event(3)
    };
    let store = store_of(engine, vec![event(1), event(2), other]).await;
    let log = store.log();
    let read = log.read_after(0, 10).await.unwrap();
    log.drop_payloads(vec![read[1].0]).await.unwrap();
    let ids = [event_id(1), event_id(2), event_id(3), event_id(4)];
    let kept = log.with_payload(&scope("a"), &ids).await.unwrap();
    assert_eq!(kept.into_iter().collect::<Vec<_>>(), [event_id(1)]);
}

/// Also when the newest event is gone.
pub async fn the_end_of_the_log_is_the_highest_position_ever(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let log = store.log();
    assert_eq!(log.end().await.unwrap(), 0);
    let appends = vec![append(event(1)), append(event(2))];
    let positions = positions(&log.append(appends).await.unwrap());
    assert_eq!(log.end().await.unwrap(), positions[1]);
    log.drop_events(vec![positions[1]]).await.unwrap();
    assert_eq!(log.end().await.unwrap(), positions[1]);
}
