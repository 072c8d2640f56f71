//! Twins: events that were sent twice.

use std::sync::Arc;

use fanfare_app::port::log::{Append, Appended, Event, Log};

use crate::engine::{Engine, OpenStore};
use crate::made::{append, event, scope, with_key, with_uid};

async fn one(log: &dyn Log, append: Append) -> Appended {
    let mut answers = log.append(vec![append]).await.unwrap();
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

async fn count(store: &dyn OpenStore) -> usize {
    store.log().read_after(0, 1_000).await.unwrap().len()
}

fn twin(append: &Append) -> Appended {
    Appended::Twin(Arc::clone(&append.event))
}

/// The answer is the event that was there before, and nothing is added.
pub async fn the_same_id_and_content_is_a_twin(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let first = with_uid(1, "order:7", 1);
    let log = store.log();
    assert!(matches!(one(&*log, first.clone()).await, Appended::At(_)));
    assert_eq!(one(&*log, with_uid(2, "order:7", 1)).await, twin(&first));
    assert_eq!(count(&*store).await, 1);
}

/// Nothing is added.
pub async fn the_same_id_with_other_content_is_refused(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let log = store.log();
    one(&*log, with_uid(1, "order:7", 1)).await;
    let answer = one(&*log, with_uid(2, "order:7", 2)).await;
    assert_eq!(answer, Appended::UidTaken);
    assert_eq!(count(&*store).await, 1);
}

/// Another tenant may use the same.
pub async fn an_id_belongs_to_its_tenant(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let log = store.log();
    one(&*log, with_uid(1, "order:7", 1)).await;
    let others = Append {
        event: Arc::new(Event {
            scope: scope("b"),
            uid: Some("order:7".to_owned()),
            ..event(2)
        }),
        ..with_uid(2, "order:7", 2)
    };
    assert!(matches!(one(&*log, others).await, Appended::At(_)));
}

/// The answer is the event that was there before, and nothing is added.
pub async fn the_same_key_and_content_is_a_twin(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let log = store.log();
    let first = with_key(1, 7, 1, 100);
    assert!(matches!(one(&*log, first.clone()).await, Appended::At(_)));
    assert_eq!(one(&*log, with_key(2, 7, 1, 101)).await, twin(&first));
    assert_eq!(count(&*store).await, 1);
}

/// The event's own time says whether the key has expired.
pub async fn a_reused_key_is_refused_until_it_expires(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let log = store.log();
    one(&*log, with_key(1, 7, 1, 100)).await;
    let reused = one(&*log, with_key(99, 7, 2, 200)).await;
    assert_eq!(reused, Appended::KeyReused);
    assert_eq!(count(&*store).await, 1);
    let later = with_key(100, 7, 2, 200);
    assert!(matches!(one(&*log, later.clone()).await, Appended::At(_)));
    assert_eq!(one(&*log, with_key(150, 7, 2, 300)).await, twin(&later));
}

/// Each has its own answer, in order.
pub async fn twins_are_found_within_one_call(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let (uid, key) = (with_uid(1, "order:7", 1), with_key(2, 7, 1, 100));
    let call = vec![
        uid.clone(),
        key.clone(),
        with_uid(3, "order:7", 1),
        with_uid(4, "order:7", 2),
        with_key(5, 7, 1, 100),
        with_key(6, 7, 2, 100),
        append(event(7)),
    ];
    let answers = store.log().append(call).await.unwrap();
    assert!(matches!(answers[0], Appended::At(_)));
    assert!(matches!(answers[1], Appended::At(_)));
    let refused = [
        twin(&uid),
        Appended::UidTaken,
        twin(&key),
        Appended::KeyReused,
    ];
    assert_eq!(answers[2..6], refused);
    assert!(matches!(answers[6], Appended::At(_)));
    assert_eq!(count(&*store).await, 3);
}

/// All the others are answered with it.
pub async fn of_twins_at_the_same_time_one_is_appended(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let calls: Vec<_> = (0..40)
        .map(|number| {
            let log = store.log();
            tokio::spawn(async move { one(&*log, with_uid(number, "order:7", 1)).await })
        })
        .collect();
    let mut twins = Vec::new();
    for call in calls {
        if let Appended::Twin(event) = call.await.unwrap() {
            twins.push(event);
        }
    }
    let read = store.log().read_after(0, 10).await.unwrap();
    assert_eq!(read.len(), 1);
    assert_eq!(twins.len(), 39);
    assert!(twins.iter().all(|twin| *twin == read[0].1));
}

/// What decides is stored, not remembered.
pub async fn twins_are_found_after_a_restart_and_a_crash(engine: &dyn Engine) {
    let mut store = engine.fresh().await;
    let (uid, key) = (with_uid(1, "order:7", 1), with_key(2, 7, 1, 100));
    let first = vec![uid.clone(), key.clone()];
    store.log().append(first).await.unwrap();
    for crash in [true, false] {
        store = if crash {
            store.crash().await
        } else {
            store.restart().await
        };
        let log = store.log();
        assert_eq!(one(&*log, with_uid(3, "order:7", 1)).await, twin(&uid));
        assert_eq!(one(&*log, with_key(4, 7, 1, 100)).await, twin(&key));
        let reused = one(&*log, with_key(4, 7, 2, 100)).await;
        assert_eq!(reused, Appended::KeyReused);
    }
}

/// Both the caller's id and the key count while the event is kept.
pub async fn an_id_is_free_again_when_its_event_is_forgotten(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let log = store.log();
    one(&*log, with_uid(1, "order:7", 1)).await;
    one(&*log, with_key(2, 7, 1, 100)).await;
    let read = log.read_after(0, 10).await.unwrap();
    let positions = read.into_iter().map(|(position, _)| position).collect();
    log.drop_events(positions).await.unwrap();
    let again = one(&*log, with_uid(3, "order:7", 2)).await;
    assert!(matches!(again, Appended::At(_)));
    let again = one(&*log, with_key(4, 7, 2, 100)).await;
    assert!(matches!(again, Appended::At(_)));
}

/// The key may come again with another event.
pub async fn a_refused_event_uses_up_no_key(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let log = store.log();
    one(&*log, with_uid(1, "order:7", 1)).await;
    let refused = Append {
        idempotency: with_key(2, 7, 1, 100).idempotency,
        ..with_uid(2, "order:7", 2)
    };
    assert_eq!(one(&*log, refused).await, Appended::UidTaken);
    let other = one(&*log, with_key(3, 7, 9, 100)).await;
    assert!(matches!(other, Appended::At(_)));
}
