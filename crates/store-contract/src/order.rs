//! Order: deliveries by their turn, and what holds a strand.

use fanfare_app::port::Deliveries;
use fanfare_app::port::deliveries::{Count, Expired, InTurn, Placed};
use fanfare_app::port::log::Appended;
use fanfare_domain::delivery::{Delivery, DiscardedReason};
use fanfare_domain::id::DeliveryId;
use fanfare_domain::order::{Ordering, Strand, Turn};

use crate::engine::Engine;
use crate::made::{
    append, delivered, delivery, endpoint, event, failed, full_event, holding, in_turn, replay,
    scope, settlement, time, waiting,
};
use crate::settle::{read, settle};

const A: Strand = Strand::from_number(i64::MIN);
const B: Strand = Strand::from_number(-3);
const C: Strand = Strand::from_number(i64::MAX);

/// The waiting first delivery of an event with a turn.
fn waits(number: u64, due: u64, position: i64, strand: Strand) -> Delivery {
    in_turn(
        &waiting(&delivery(&event(number), 0), due),
        position,
        Some(strand),
    )
}

async fn settled(part: &dyn Deliveries, rows: &[Delivery]) {
    settle(part, rows.iter().cloned().map(settlement).collect()).await;
}

async fn positions(part: &dyn Deliveries, strand: Strand, from: i64, limit: usize) -> Vec<i64> {
    let found = part
        .in_turn(endpoint(1), strand, from, limit)
        .await
        .unwrap();
    let turns = found.deliveries.iter().filter_map(|row| row.turn);
    turns.map(|turn| turn.position).collect()
}

/// By position, not by time, and from the one asked for.
pub async fn a_strand_is_read_in_order_whatever_is_due(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let rows = [
        waits(1, 900, 40, A),
        waits(2, 10, 7, A),
        waits(3, 20, 1_000_000, A),
        waits(4, 5, 8, B),
        waits(5, 5, 9, Strand::WHOLE),
    ];
    settled(&*part, &rows).await;
    let ended = delivered(&waits(6, 0, 3, A), 8);
    settled(&*part, &[ended]).await;
    let other = Delivery {
        endpoint: endpoint(2),
        ..waits(7, 0, 2, A)
    };
    settled(&*part, &[other]).await;
    assert_eq!(positions(&*part, A, 0, 9).await, [7, 40, 1_000_000]);
    assert_eq!(positions(&*part, A, 8, 1).await, [40]);
    assert_eq!(positions(&*part, B, i64::MIN, 9).await, [8]);
    assert_eq!(positions(&*part, C, 0, 9).await, [] as [i64; 0]);
    let whole = part
        .in_turn(endpoint(1), Strand::WHOLE, 0, 9)
        .await
        .unwrap();
    let expected = InTurn {
        some_left_out: false,
        deliveries: vec![rows[4].clone()],
        held_by: None,
    };
    assert_eq!(whole, expected);
}

/// What has a position and no strand is.
pub async fn what_is_of_a_strand_is_not_found_by_its_time(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let keyless = in_turn(&waiting(&delivery(&event(2), 0), 40), 2, None);
    let plain = waiting(&delivery(&event(3), 0), 70);
    settled(&*part, &[waits(1, 10, 1, A), keyless.clone(), plain]).await;
    let due = part.due(endpoint(1), time(50), 9).await.unwrap();
    assert_eq!(due.deliveries, [keyless]);
    assert_eq!(due.next, Some(time(70)));
    assert_eq!(part.backlog().await.unwrap().waiting, Count::Exact(3));
    let asked = [event(1).id, event(2).id];
    assert_eq!(part.waiting_events(&asked).await.unwrap().len(), 2);
}

/// Those where something waits, and those that are held.
pub async fn strands_are_listed_page_by_page(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let rows = [
        waits(1, 1, 1, C),
        waits(2, 1, 2, A),
        waits(3, 1, 3, A),
        holding(&waits(4, 1, 4, B), 9),
        failed(&waits(5, 1, 5, Strand::WHOLE), 9),
    ];
    settled(&*part, &rows).await;
    let mut found: Vec<Strand> = Vec::new();
    loop {
        let after = found.last().copied();
        let page = part.strands(endpoint(1), after, 2).await.unwrap();
        assert!(page.len() <= 2);
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    assert_eq!(found, [A, B, C]);
    assert!(part.strands(endpoint(2), None, 9).await.unwrap().is_empty());
}

/// With the first due time of the others where there are such.
pub async fn lanes_say_whether_something_waits_in_turn(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let at = |number, row: Delivery| Delivery {
        endpoint: endpoint(number),
        ..row
    };
    let rows = [
        at(1, waits(1, 10, 1, A)),
        at(2, waits(2, 20, 2, A)),
        at(2, waiting(&delivery(&event(3), 0), 30)),
        at(3, waiting(&delivery(&event(4), 0), 40)),
    ];
    settled(&*part, &rows).await;
    let lanes = part.lanes(None, 9).await.unwrap();
    let found = lanes
        .iter()
        .map(|lane| (lane.endpoint, lane.next, lane.in_turn));
    let expected = [
        (endpoint(1), time(10), true),
        (endpoint(2), time(30), true),
        (endpoint(3), time(40), false),
    ];
    assert_eq!(found.collect::<Vec<_>>(), expected);
    let page = part.lanes(Some(endpoint(1)), 1).await.unwrap();
    assert_eq!(page, lanes[1..2]);
}

/// Only whether it holds follows the settlements.
pub async fn a_turn_is_kept_however_often_it_is_settled(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let first = waits(1, 10, 5, A);
    settled(&*part, std::slice::from_ref(&first)).await;
    let again = Delivery {
        attempts: 1,
        ..in_turn(&waiting(&first, 90), 6, None)
    };
    settled(&*part, std::slice::from_ref(&again)).await;
    let expected = Delivery {
        turn: first.turn,
        ..again.clone()
    };
    assert_eq!(read(&*part, &first).await, Some(expected.clone()));
    let end = holding(&again, 95);
    settled(&*part, std::slice::from_ref(&end)).await;
    let turn = first.turn.map(|turn| Turn {
        holds: true,
        ..turn
    });
    assert_eq!(read(&*part, &first).await, Some(Delivery { turn, ..end }));
}

/// With the same commit as its end, and over a crash.
pub async fn a_failed_delivery_holds_its_strand_until_it_is_lifted(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let head = holding(&waits(1, 10, 5, A), 20);
    settled(
        &*part,
        &[
            head.clone(),
            waits(2, 11, 6, A),
            holding(&waits(3, 1, 1, B), 2),
        ],
    )
    .await;
    drop(part);
    let store = store.crash().await;
    let part = store.deliveries();
    let found = part.in_turn(endpoint(1), A, 0, 9).await.unwrap();
    assert_eq!(found.held_by, Some(head.id));
    assert_eq!(found.deliveries.len(), 1);
    let held: Vec<DeliveryId> = {
        let held = part.holding(&[endpoint(2), endpoint(1)], 9).await.unwrap();
        held.iter().map(|row| row.id).collect()
    };
    assert_eq!(held, [head.id, event(3).id.delivery(0)]);
    assert_eq!(
        part.holding(&[endpoint(1)], 1).await.unwrap(),
        std::slice::from_ref(&head)
    );
    assert!(!part.lift_hold(&scope("b"), head.id).await.unwrap());
    assert!(part.lift_hold(&scope("a"), head.id).await.unwrap());
    assert!(!part.lift_hold(&scope("a"), head.id).await.unwrap());
    let found = part.in_turn(endpoint(1), A, 0, 9).await.unwrap();
    assert_eq!(found.held_by, None);
    let row = read(&*part, &head).await.unwrap();
    assert!(row.state == head.state && row.turn.is_some_and(|turn| !turn.holds));
    assert_eq!(part.lift_holds(endpoint(1), 9).await.unwrap(), 1);
    assert_eq!(part.lift_holds(endpoint(1), 9).await.unwrap(), 0);
}

/// A replay of a replay too; one that does not arrive lifts nothing.
pub async fn a_delivered_replay_lifts_the_hold_of_its_event_only(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let held = holding(&waits(1, 10, 5, A), 20);
    let other = holding(&waits(2, 10, 6, B), 20);
    settled(&*part, &[held.clone(), other.clone()]).await;
    let first = replay(&held, 30);
    let second = replay(&first, 31);
    settled(&*part, &[first.clone(), failed(&first, 40)]).await;
    let elsewhere = Delivery {
        endpoint: endpoint(2),
        ..replay(&held, 33)
    };
    settled(&*part, &[delivered(&elsewhere, 41)]).await;
    assert_eq!(part.holding(&[endpoint(1)], 9).await.unwrap().len(), 2);
    settled(&*part, &[delivered(&second, 50)]).await;
    assert_eq!(part.holding(&[endpoint(1)], 9).await.unwrap(), [other]);
}

/// From each ordering to each other; replays and what ended stand aside.
pub async fn what_is_out_of_turn_is_found_and_placed(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let plain = delivery(&event(9), 0);
    let rows = [
        waiting(&delivery(&event(1), 0), 10),
        waits(2, 10, 2, Strand::WHOLE),
        waits(3, 10, 3, B),
        in_turn(&waiting(&delivery(&event(4), 0), 10), 4, None),
        replay(&plain, 10),
        delivered(&plain, 10),
    ];
    settled(&*part, &rows).await;
    let out_of = async |ordering, limit| {
        let found = part
            .out_of_turn(endpoint(1), ordering, limit)
            .await
            .unwrap();
        let mut ids: Vec<_> = found.iter().map(|row| row.event).collect();
        ids.sort_unstable();
        ids
    };
    let [one, two, three] = [1, 2, 3].map(|number| event(number).id);
    assert_eq!(out_of(Ordering::Unordered, 9).await, [two, three]);
    assert_eq!(out_of(Ordering::ByKey, 9).await, [one, two]);
    // The fourth stands outside on purpose.
    assert_eq!(out_of(Ordering::Strict, 9).await, [one, three]);
    assert_eq!(out_of(Ordering::Strict, 1).await.len(), 1);
    let placed = |row: &Delivery, turn| Placed {
        scope: row.scope.clone(),
        id: row.id,
        turn,
    };
    let whole = |position| Ordering::Strict.turn(position, None);
    let all = vec![
        placed(&rows[0], whole(1)),
        placed(&rows[2], whole(3)),
        placed(&rows[3], whole(4)),
        placed(&rows[5], whole(9)),
    ];
    part.place(all).await.unwrap();
    assert!(out_of(Ordering::Strict, 9).await.is_empty());
    assert_eq!(positions(&*part, Strand::WHOLE, 0, 9).await, [1, 2, 3, 4]);
    assert_eq!(read(&*part, &rows[5]).await, Some(rows[5].clone()));
    part.place(vec![placed(&rows[1], None)]).await.unwrap();
    assert_eq!(read(&*part, &rows[1]).await.map(|row| row.turn), Some(None));
    let due = part.due(endpoint(1), time(50), 9).await.unwrap();
    assert_eq!(due.deliveries.len(), 2);
}

/// Within the limit of the step.
pub async fn a_discard_ends_what_waits_in_turn_too(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let rows = [
        waiting(&delivery(&event(1), 0), 10),
        waits(2, 10, 2, A),
        waits(3, 10, 3, B),
    ];
    settled(&*part, &rows).await;
    let reason = DiscardedReason::EndpointDeleted;
    let mut steps = Vec::new();
    for _ in 0..3 {
        let step = part.discard(endpoint(1), reason, time(60), 2).await;
        steps.push(step.unwrap());
    }
    assert_eq!(steps, [2, 1, 0]);
    assert!(part.lanes(None, 9).await.unwrap().is_empty());
}

/// Until it is lifted.
pub async fn retention_leaves_what_holds(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let held = holding(&waits(1, 10, 5, A), 20);
    settled(&*part, &[held.clone(), failed(&waits(2, 10, 6, A), 20)]).await;
    let old = Expired::Deliveries(time(500));
    assert_eq!(part.drop_expired(old, 9).await.unwrap(), 1);
    assert_eq!(part.drop_expired(old, 9).await.unwrap(), 0);
    assert_eq!(read(&*part, &held).await, Some(held.clone()));
    assert!(part.lift_hold(&held.scope, held.id).await.unwrap());
    assert_eq!(part.drop_expired(old, 9).await.unwrap(), 1);
}

/// Of that tenant only.
pub async fn positions_are_found_by_event(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let log = store.log();
    let events = vec![append(event(1)), append(full_event(2))];
    let appended = log.append(events).await.unwrap();
    let asked = [event(2).id, event(7).id, event(1).id];
    let mut found = log.positions(&scope("a"), &asked).await.unwrap();
    found.sort_unstable();
    let expected = [event(1).id, event(2).id].into_iter().zip(appended);
    let expected: Vec<_> = expected
        .map(|(id, appended)| match appended {
            Appended::At(position) => (id, position),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(found, expected);
    assert!(log.positions(&scope("b"), &asked).await.unwrap().is_empty());
}
