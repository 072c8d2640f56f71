//! Batches: deliveries that go together.

use fanfare_app::port::Deliveries;
use fanfare_app::port::deliveries::Placed;
use fanfare_domain::batch::InBatch;
use fanfare_domain::delivery::{Delivery, DiscardedReason};
use fanfare_domain::id::{BatchId, DeliveryId};
use fanfare_domain::order::Strand;

use crate::engine::Engine;
use crate::made::{
    delivered, delivery, endpoint, event, in_turn, replay, scope, settlement, time, waiting,
};
use crate::settle::{read, settle};

/// The waiting delivery of an event.
fn waits(number: u64) -> Delivery {
    waiting(&delivery(&event(number), 0), 10 + number)
}

async fn filled(part: &dyn Deliveries, rows: &[Delivery]) {
    settle(part, rows.iter().cloned().map(settlement).collect()).await;
}

/// Binds these; answers which of them were, with their places.
async fn bind(part: &dyn Deliveries, rows: &[&Delivery]) -> Vec<(DeliveryId, u16)> {
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let batch = BatchId::led_by(ids[0]);
    let strand = rows[0].turn.and_then(|turn| turn.strand);
    let bound = part.bind(&scope("a"), batch, strand, ids).await.unwrap();
    assert!(bound.iter().all(|(_, place)| place.batch() == batch));
    let place = |(id, place): (DeliveryId, InBatch)| (id, place.place());
    bound.into_iter().map(place).collect()
}

async fn members(part: &dyn Deliveries, lead: &Delivery) -> Vec<DeliveryId> {
    let found = part.members(BatchId::led_by(lead.id)).await.unwrap();
    found.iter().map(|row| row.id).collect()
}

/// In the order in which they were given, wherever they are read.
pub async fn members_are_read_in_their_order(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let rows = [waits(1), waits(2), waits(3), waits(4), waits(5)];
    filled(&*part, &rows).await;
    let [one, two, three, four, five] = &rows;
    let bound = bind(&*part, &[three, one, four]).await;
    assert_eq!(bound, [(three.id, 0), (one.id, 1), (four.id, 2)]);
    assert_eq!(members(&*part, three).await, [three.id, one.id, four.id]);
    assert_eq!(members(&*part, one).await, []);
    let place = |row: &Delivery| row.batch.map(InBatch::place);
    let due = part.due(endpoint(1), time(60), 9).await.unwrap();
    let due: Vec<_> = due
        .deliveries
        .iter()
        .map(|row| (row.id, place(row)))
        .collect();
    let expected = [
        (one.id, Some(1)),
        (two.id, None),
        (three.id, Some(0)),
        (four.id, Some(2)),
        (five.id, None),
    ];
    assert_eq!(due, expected);
    let alone = read(&*part, two).await.unwrap();
    assert_eq!(alone, *two);
    let whole = Delivery {
        batch: Some(InBatch::new(BatchId::led_by(three.id), 1)),
        ..one.clone()
    };
    assert_eq!(read(&*part, one).await, Some(whole));
}

/// Nor what another tenant has.
pub async fn what_is_bound_or_has_ended_is_not_bound_again(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let rows = [waits(1), waits(2), waits(3), waits(4), waits(5)];
    let other = Delivery {
        scope: scope("b"),
        ..waits(6)
    };
    filled(&*part, &rows).await;
    filled(&*part, &[delivered(&rows[3], 20), other.clone()]).await;
    let [one, two, three, ended, five] = &rows;
    assert_eq!(bind(&*part, &[one, two]).await.len(), 2);
    let absent = waits(7);
    let bound = bind(&*part, &[three, two, ended, &other, &absent, five]).await;
    assert_eq!(bound, [(three.id, 0), (five.id, 5)]);
    assert_eq!(members(&*part, one).await, [one.id, two.id]);
    assert_eq!(members(&*part, three).await, [three.id, five.id]);
    assert_eq!(read(&*part, &other).await.unwrap().batch, None);
}

/// So that nothing is added to a batch whose binding was not answered.
pub async fn where_the_first_is_not_free_none_is_bound(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let rows = [waits(1), waits(2), waits(3), waits(4)];
    filled(&*part, &rows).await;
    filled(&*part, &[delivered(&rows[3], 20)]).await;
    let [one, two, three, ended] = &rows;
    bind(&*part, &[one, two]).await;
    assert_eq!(bind(&*part, &[one, two, three]).await, []);
    assert_eq!(bind(&*part, &[ended, three]).await, []);
    assert_eq!(bind(&*part, &[&waits(7), three]).await, []);
    assert_eq!(members(&*part, one).await, [one.id, two.id]);
    assert_eq!(read(&*part, three).await.unwrap().batch, None);
}

/// Whatever a settlement says of it; and what has ended shows the batch that it was in.
pub async fn a_place_in_a_batch_is_kept_to_the_end(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let rows = [waits(1), waits(2), waits(3), waits(4)];
    filled(&*part, &rows).await;
    let [one, two, three, four] = &rows;
    bind(&*part, &[one, two, three, four]).await;
    let again = Delivery {
        attempts: 1,
        ..waiting(two, 40)
    };
    filled(&*part, &[delivered(one, 30), again.clone()]).await;
    assert_eq!(members(&*part, one).await, [two.id, three.id, four.id]);
    filled(
        &*part,
        &[Delivery {
            attempts: 2,
            ..again
        }],
    )
    .await;
    assert_eq!(members(&*part, one).await, [two.id, three.id, four.id]);
    let place = async |row: &Delivery| read(&*part, row).await.unwrap().batch.map(InBatch::place);
    assert_eq!(place(one).await, Some(0));
    assert_eq!(place(two).await, Some(1));
    let reason = DiscardedReason::EndpointDisabled;
    let ended = part
        .discard(endpoint(1), reason, time(60), 9)
        .await
        .unwrap();
    assert_eq!(ended, 3);
    assert_eq!(members(&*part, one).await, []);
    assert_eq!(place(four).await, Some(3));
    let repeated = replay(&read(&*part, four).await.unwrap(), 70);
    assert_eq!(repeated.batch, None);
}

/// What is of another strand is not bound, and what is bound gets no other one.
pub async fn a_batch_is_of_one_strand(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let (x, y) = (Strand::of_key("x"), Strand::of_key("y"));
    let in_x = [1, 2, 3].map(|number| in_turn(&waits(number), number as i64, Some(x)));
    let in_y = in_turn(&waits(4), 4, Some(y));
    let outside = in_turn(&waits(5), 5, None);
    let free = [waits(6), waits(7)];
    filled(&*part, &in_x).await;
    filled(&*part, &[in_y.clone(), outside.clone()]).await;
    filled(&*part, &free).await;
    let bound = bind(&*part, &[&in_x[0], &in_y, &in_x[1], &outside, &free[0]]).await;
    assert_eq!(bound, [(in_x[0].id, 0), (in_x[1].id, 2)]);
    let bound = bind(&*part, &[&outside, &in_x[2], &free[0]]).await;
    assert_eq!(bound, [(outside.id, 0), (free[0].id, 2)]);
    let placed = |row: &Delivery, strand| Placed {
        scope: row.scope.clone(),
        id: row.id,
        turn: in_turn(row, 9, Some(strand)).turn,
    };
    let new = [
        placed(&in_x[0], y),
        placed(&in_x[1], x),
        placed(&free[0], x),
        placed(&free[1], y),
    ];
    part.place(new.to_vec()).await.unwrap();
    let strand = async |row: &Delivery| {
        let turn = read(&*part, row).await.unwrap().turn.unwrap();
        assert_eq!(turn.position, 9);
        turn.strand
    };
    assert_eq!(strand(&in_x[0]).await, None);
    assert_eq!(strand(&in_x[1]).await, None);
    assert_eq!(strand(&free[0]).await, None);
    assert_eq!(strand(&free[1]).await, Some(y));
    let by_time = part.due(endpoint(1), time(60), 9).await.unwrap();
    assert_eq!(by_time.deliveries.len(), 4);
}

/// With the rows that it is of.
pub async fn a_batch_survives_a_restart_and_a_crash(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let rows = [waits(1), waits(2)];
    filled(&*store.deliveries(), &rows).await;
    bind(&*store.deliveries(), &[&rows[1], &rows[0]]).await;
    let store = store.crash().await;
    let expected = [rows[1].id, rows[0].id];
    assert_eq!(members(&*store.deliveries(), &rows[1]).await, expected);
    let store = store.restart().await;
    assert_eq!(members(&*store.deliveries(), &rows[1]).await, expected);
}
