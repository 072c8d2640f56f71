//! Calls of the parts, but for lists.

use std::sync::Arc;
use std::time::Duration;

use fanfare_app::port::configuration::{DocumentKey, DocumentQuery, IdQuery, Kind};
use fanfare_app::port::deliveries::Settlement;
use fanfare_app::port::log::{Append, EventQuery, EventRef, EventWalk, Idempotency};
use fanfare_domain::delivery::{DeliveryState, DiscardedReason};
use fanfare_domain::id::{BatchId, EventId};
use fanfare_domain::order::{Ordering, Strand};
use fanfare_domain::time::Timestamp;
use fanfare_store_postgres::PostgresStore;

use super::{Plans, endpoint, tenant, today};
use crate::made;

/// An event in the middle of the last day but one, as the fill made it.
async fn some_events(store: &PostgresStore) -> Vec<EventId> {
    let query = EventQuery {
        scope: tenant(1),
        event_type: None,
        since: None,
        until: Some(Timestamp::from_seconds((today() - 1) * 86_400 + 40_000)),
        before: None,
        limit: 64,
    };
    let found = store.log().events(&query).await.unwrap();
    found.iter().map(|event| event.id).collect()
}

pub(super) async fn log(plans: &mut Plans, store: &PostgresStore) {
    let (log, acme) = (store.log(), tenant(1));
    let ids = some_events(store).await;
    let end = log.end().await.unwrap();
    let now = Timestamp::from_seconds(today() * 86_400 + 60);
    let appends = (0..64).map(|number| {
        let plain = made::event(now, number);
        let unique = number % 2 == 0;
        Append {
            idempotency: unique.then(|| Idempotency {
                digest: [u8::try_from(number).unwrap(); 32],
                content: [1; 16],
                expires_at: now.after(Duration::from_secs(3_600)),
            }),
            ..if unique {
                made::with_uid(now, number, &format!("caller-{number}"))
            } else {
                made::append(plain)
            }
        }
    });
    plans
        .of("Publishing, 64 events", log.append(appends.collect()))
        .await
        .unwrap();
    plans
        .of("The log after a position", log.read_after(end - 300, 256))
        .await
        .unwrap();
    plans
        .of("Positions after one", log.positions_after(end - 300, 256))
        .await
        .unwrap();
    let by_id = EventRef::Id(ids[0]);
    plans
        .of("An event by its id", log.event(&acme, &by_id))
        .await
        .unwrap();
    let by_uid = EventRef::Uid("uid-150000".to_owned());
    plans
        .of("An event by the caller's id", log.event(&acme, &by_uid))
        .await
        .unwrap();
    plans
        .of("Events by their ids", log.events_by_id(&acme, &ids))
        .await
        .unwrap();
    plans
        .of("Positions of events", log.positions(&acme, &ids))
        .await
        .unwrap();
    plans
        .of("Which payloads are kept", log.with_payload(&acme, &ids))
        .await
        .unwrap();
    let walk = EventWalk {
        scope: acme,
        since: Timestamp::from_seconds((today() - 3) * 86_400),
        until: now,
        after: Some(ids[0]),
        limit: 100,
    };
    plans
        .of("Events from a time on", log.events_from(&walk))
        .await
        .unwrap();
    plans
        .of("Payloads past their own time", log.data_past(now, 500))
        .await
        .unwrap();
    plans
        .of(
            "Idempotency keys past their time",
            log.drop_expired_keys(now, 500),
        )
        .await
        .unwrap();
}

pub(super) async fn deliveries(plans: &mut Plans, store: &PostgresStore) {
    let (part, acme) = (store.deliveries(), tenant(1));
    let events = some_events(store).await;
    let now = Timestamp::from_seconds(today() * 86_400 + 60);
    let ids: Vec<_> = events.iter().map(|event| event.delivery(0)).collect();
    let settled: Vec<Settlement> = (0..64)
        .map(|number| {
            let made = made::delivery(&made::event(now, number));
            made::attempted(made, DeliveryState::Delivered { at: now }, now)
        })
        .collect();
    let settle = part.settle(Arc::new(settled), Some(1));
    plans
        .of("Recording 64 that arrived at once", settle)
        .await
        .unwrap();
    let waiting = part.due(endpoint(12), now, 64).await.unwrap().deliveries;
    assert!(!waiting.is_empty());
    let again: Vec<Settlement> = waiting
        .iter()
        .map(|row| made::attempted(row.clone(), DeliveryState::Waiting { due_at: now }, now))
        .collect();
    let settle = part.settle(Arc::new(again), Some(2));
    plans
        .of("Recording 64 that wait for their next attempt", settle)
        .await
        .unwrap();
    let ended: Vec<Settlement> = waiting
        .iter()
        .map(|row| {
            let mut row = row.clone();
            row.attempts += 1;
            made::attempted(row, DeliveryState::Delivered { at: now }, now)
        })
        .collect();
    let settle = part.settle(Arc::new(ended), Some(3));
    plans
        .of("Recording 64 that arrived in the end", settle)
        .await
        .unwrap();
    plans
        .of(
            "What is due for an endpoint",
            part.due(endpoint(12), now, 64),
        )
        .await
        .unwrap();
    let due = part.due(endpoint(16), now, 10).await.unwrap().deliveries;
    let members: Vec<_> = due.iter().map(|row| row.id).collect();
    let batch = BatchId::led_by(members[0]);
    let bound = plans
        .of(
            "Making a batch of 10",
            part.bind(&acme, batch, None, members),
        )
        .await
        .unwrap();
    assert_eq!(bound.len(), 10);
    let again = plans
        .of("The members of a batch", part.members(batch))
        .await
        .unwrap();
    assert_eq!(again.len(), 10);
    plans
        .of("Endpoints for which something waits", part.lanes(None, 256))
        .await
        .unwrap();
    plans
        .of("What expires", part.expired(now, 64))
        .await
        .unwrap();
    let line = Strand::WHOLE;
    let turn = part.in_turn(endpoint(10), line, 0, 64);
    plans.of("The next of a line", turn).await.unwrap();
    plans
        .of("An endpoint's lines", part.strands(endpoint(10), None, 64))
        .await
        .unwrap();
    let wrong = part.out_of_turn(endpoint(10), Ordering::ByKey, 64);
    plans
        .of("What stands in a wrong order", wrong)
        .await
        .unwrap();
    let endpoints = [endpoint(10), endpoint(12)];
    let holding = part.holding(&endpoints, 10);
    plans
        .of("What holds the lines of endpoints", holding)
        .await
        .unwrap();
    plans
        .of("Which have rows", part.existing(&acme, &ids))
        .await
        .unwrap();
    plans
        .of("A delivery", part.delivery(&acme, ids[0]))
        .await
        .unwrap();
    plans
        .of(
            "The attempts of a delivery",
            part.attempts(&acme, ids[0].attempt(0), 51),
        )
        .await
        .unwrap();
    let pairs: Vec<_> = events.iter().map(|event| (*event, endpoint(10))).collect();
    plans
        .of("The newest repetitions", part.repeats(&acme, &pairs))
        .await
        .unwrap();
    plans
        .of("Several deliveries", part.some_deliveries(&acme, &ids))
        .await
        .unwrap();
    let day = |days: i64| Timestamp::from_seconds((today() - days) * 86_400);
    let sums = part.tallies(endpoint(13), day(2), day(1));
    plans
        .of("What happened at an endpoint on a day", sums)
        .await
        .unwrap();
    let discard = part.discard(endpoint(14), DiscardedReason::EndpointDeleted, now, 500);
    plans
        .of("Discarding what waits for an endpoint", discard)
        .await
        .unwrap();
    plans
        .of(
            "Of which events something waits",
            part.waiting_events(&events),
        )
        .await
        .unwrap();
    plans
        .of_a_count("How much waits", part.backlog())
        .await
        .unwrap();
    let quotas: Vec<_> = (1..21).map(|number| (tenant(number), 400)).collect();
    plans
        .of(
            "How much waits for tenants with quotas",
            part.waiting_of(&quotas),
        )
        .await
        .unwrap();
    plans
        .of_a_count(
            "How much waits for the largest",
            part.waiting_of(&[(acme, 20_000)]),
        )
        .await
        .unwrap();
}

pub(super) async fn configuration(plans: &mut Plans, store: &PostgresStore) {
    let part = store.configuration();
    let key = DocumentKey {
        kind: Kind::Endpoint,
        environment: "default".to_owned(),
        tenant: "tenant-8".to_owned(),
        id: "ep-7".to_owned(),
    };
    plans.of("A document", part.get(&key)).await.unwrap();
    let query = DocumentQuery {
        kind: Kind::Endpoint,
        environment: "default".to_owned(),
        tenant: Some("tenant-8".to_owned()),
        before: Some(15_000),
        limit: 101,
    };
    plans
        .of("A page of documents", part.list(&query))
        .await
        .unwrap();
    let query = IdQuery {
        kind: Kind::Endpoint,
        environment: "default".to_owned(),
        tenant: "tenant-8".to_owned(),
        after: None,
        descending: false,
        limit: 101,
    };
    plans
        .of("A page of documents by id", part.list_by_id(&query))
        .await
        .unwrap();
    plans
        .of("What was changed", part.changes_after(19_900, 256))
        .await
        .unwrap();
}
