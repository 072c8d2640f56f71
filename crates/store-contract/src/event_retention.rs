//! Forgetting old events.

use fanfare_app::port::log::{Event, EventRef};

use crate::append::positions;
use crate::engine::Engine;
use crate::made::{append, event, event_id, events_of, full_event, scope, time, with_key};

/// Positions and ids; the time itself is not before it.
pub async fn old_events_are_found_in_order_page_by_page(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let log = store.log();
    // Two requests overtook one another.
    let numbers = [0, 1, 2, 4, 3, 5, 6, 7, 8, 9];
    let appends = numbers.map(|number| append(event(number))).into();
    let positions = positions(&log.append(appends).await.unwrap());
    let mut found = Vec::new();
    loop {
        let after = found.last().map_or(0, |(position, _)| *position);
        let page = log.accepted_before(time(4), after, 3).await.unwrap();
        assert!(page.len() <= 3);
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    let expected = [(0, 0), (1, 1), (2, 2), (4, 3)];
    let expected =
        expected.map(|(place, number): (usize, u64)| (positions[place], event_id(number)));
    assert_eq!(found, expected);
}

/// All but its data stays.
pub async fn an_event_without_its_payload_is_still_an_event(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let log = store.log();
    let appends = vec![append(full_event(1)), append(event(2))];
    let positions = positions(&log.append(appends).await.unwrap());
    let nowhere = positions[1] + 100;
    for _ in 0..2 {
        let dropped = vec![positions[0], nowhere];
        log.drop_payloads(dropped).await.unwrap();
    }
    let read = log.read_after(0, 10).await.unwrap();
    assert!(read[0].1.payload_gone());
    let rest = Event {
        data: full_event(1).data,
        ..(*read[0].1).clone()
    };
    assert_eq!(rest, full_event(1));
    assert_eq!(*read[1].1, event(2));
}

/// By position, by both ids, in lists.
pub async fn a_forgotten_event_is_gone_from_every_look_up(engine: &dyn Engine) {
    let mut store = engine.fresh().await;
    let appends = vec![append(full_event(1)), append(event(2))];
    let positions = positions(&store.log().append(appends).await.unwrap());
    store.log().drop_events(vec![positions[0]]).await.unwrap();
    for _ in 0..2 {
        let log = store.log();
        let uid = EventRef::Uid("caller:1".to_owned());
        for gone in [EventRef::Id(event_id(1)), uid] {
            assert_eq!(log.event(&scope("a"), &gone).await.unwrap(), None);
        }
        let ids = [event_id(1), event_id(2)];
        let found = log.events_by_id(&scope("a"), &ids).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(log.events(&events_of("a")).await.unwrap().len(), 1);
        let read = log.read_after(0, 10).await.unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!(*read[0].1, event(2));
        store = store.crash().await;
    }
}

/// Not even when the newest events were forgotten, and the process ended since.
pub async fn a_position_is_never_used_again(engine: &dyn Engine) {
    let mut store = engine.fresh().await;
    let mut last = 0;
    for round in 0..6 {
        let appends = vec![append(event(round * 2)), append(event(round * 2 + 1))];
        let positions = positions(&store.log().append(appends).await.unwrap());
        assert!(positions[0] > last, "{positions:?} after {last}");
        last = positions[1];
        let dropped = if round % 3 == 2 {
            vec![last]
        } else {
            positions
        };
        store.log().drop_events(dropped).await.unwrap();
        store = if round % 2 == 0 {
            store.restart().await
        } else {
            store.crash().await
        };
    }
}

/// Those that still count stay.
pub async fn expired_keys_are_forgotten_in_steps(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let log = store.log();
    let appends = (0..10).map(|number| with_key(number, number as u8, 1, 100 + number));
    log.append(appends.collect()).await.unwrap();
    let mut steps = Vec::new();
    loop {
        let dropped = log.drop_expired_keys(time(106), 3).await.unwrap();
        steps.push(dropped);
        if dropped == 0 {
            break;
        }
    }
    assert_eq!(steps, [3, 3, 1, 0]);
    let again = (0..10).map(|number| with_key(50, number as u8, 1, 200));
    let mut fresh = 0;
    for (number, append) in again.enumerate() {
        let append = fanfare_app::port::log::Append {
            event: std::sync::Arc::new(event(50 + number as u64)),
            ..append
        };
        let answer = log.append(vec![append]).await.unwrap();
        if matches!(answer[0], fanfare_app::port::log::Appended::At(_)) {
            fresh += 1;
        }
    }
    assert_eq!(fresh, 7);
}

/// Those without such a time, or without a payload any more, are not found.
pub async fn payloads_past_a_time_of_their_own_are_found_the_longest_past_first(
    engine: &dyn Engine,
) {
    let store = engine.fresh().await;
    let log = store.log();
    let until = |number, until| {
        append(Event {
            data_until: Some(time(until)),
            ..event(number)
        })
    };
    let appends = vec![
        until(1, 30),
        until(2, 20),
        append(event(3)),
        until(4, 40),
        until(5, 10),
    ];
    let positions = positions(&log.append(appends).await.unwrap());
    log.drop_payloads(vec![positions[4]]).await.unwrap();
    let past = log.data_past(time(30), 10).await.unwrap();
    assert_eq!(
        past,
        [(positions[1], event_id(2)), (positions[0], event_id(1))]
    );
    assert_eq!(log.data_past(time(30), 1).await.unwrap(), past[..1]);
    log.drop_payloads(vec![positions[0], positions[1]])
        .await
        .unwrap();
    assert_eq!(log.data_past(time(30), 10).await.unwrap(), []);
}
