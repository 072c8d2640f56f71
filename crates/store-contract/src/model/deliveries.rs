//! The deliveries part against a map.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use fanfare_app::port::Deliveries;
use fanfare_app::port::deliveries::{Count, DeliveryQuery, Expired, Settled, Settlement, Tally};
use fanfare_app::port::log::Event;
use fanfare_domain::delivery::{Delivery, DeliveryState, DiscardedReason, StateName};
use fanfare_domain::id::{AttemptId, DeliveryId, EndpointId};
use fanfare_domain::time::Timestamp;
use proptest::prelude::*;

use super::for_each_case;
use crate::engine::{Engine, OpenStore};
use crate::listing::{fits, walk};
use crate::made::{
    START, attempted, delivered, deliveries_of, delivery, endpoint, event, failed, replay, scope,
    settlement, time, waiting,
};

#[derive(Clone, Debug)]
enum Step {
    /// Which delivery, what became of it, when, after how many attempts, and whether by an attempt.
    Settle(Vec<(u64, u8, u64, u16, bool)>),
    Materialise(i64),
    Discard(u64, usize),
    DropDeliveries(u64),
    DropAttempts(u64),
    Restart(bool),
}

/// The deliveries that the steps are about: 12 events of two tenants, two targets each, and replays.
fn subject(number: u64) -> Delivery {
    let of = number % 12;
    let event = Event {
        scope: scope(if of.is_multiple_of(3) { "b" } else { "a" }),
        ..event(of)
    };
    let first = delivery(&event, ((number / 12) % 2) as u16);
    if number / 24 == 1 {
        replay(&first, 20 + number)
    } else {
        first
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let one = (0..48u64, 0..6u8, 0..200u64, 0..4u16, any::<bool>());
    let step = prop_oneof![
        8 => prop::collection::vec(one, 1..12).prop_map(Step::Settle),
        1 => (0..50i64).prop_map(Step::Materialise),
        2 => (1..3u64, 1..5usize).prop_map(|(lane, limit)| Step::Discard(lane, limit)),
        1 => (0..60u64).prop_map(Step::DropDeliveries),
        1 => (0..60u64).prop_map(Step::DropAttempts),
        1 => any::<bool>().prop_map(Step::Restart),
    ];
    prop::collection::vec(step, 1..20)
}

#[derive(Default)]
struct Model {
    rows: BTreeMap<DeliveryId, Delivery>,
    attempts: BTreeSet<AttemptId>,
    tallies: BTreeMap<(EndpointId, i64), Tally>,
    materialised: i64,
}

impl Model {
    fn tally(&mut self, endpoint: EndpointId, at: Timestamp) -> &mut Tally {
        let minute = at.seconds() / 60;
        let tally = self.tallies.entry((endpoint, minute)).or_default();
        tally.minute = minute;
        tally
    }

    fn end(&mut self, delivery: &Delivery) {
        match delivery.state {
            DeliveryState::Waiting { .. } => {}
            DeliveryState::Delivered { at } => self.tally(delivery.endpoint, at).delivered += 1,
            DeliveryState::Failed { at, .. } => self.tally(delivery.endpoint, at).failed += 1,
            DeliveryState::Discarded { at, .. } => self.tally(delivery.endpoint, at).discarded += 1,
        }
    }

    fn settle(&mut self, settlement: &Settlement) -> Settled {
        let new = &settlement.delivery;
        if let Some(attempt) = &settlement.attempt
            && self.attempts.insert(attempt.id)
        {
            let tally = self.tally(new.endpoint, attempt.started_at);
            if new.state.name() == StateName::Delivered {
                tally.succeeded += 1;
            } else {
                tally.unsuccessful += 1;
            }
            tally.duration_ms += 250;
        }
        match self.rows.get(&new.id) {
            Some(old) if old.state.ended() => return Settled::HadEnded,
            Some(old) if old.attempts > new.attempts => {
                if new.state.ended() {
                    let merged = Delivery {
                        state: new.state,
                        ..old.clone()
                    };
                    self.end(&merged);
                    self.rows.insert(new.id, merged);
                }
            }
            _ => {
                self.end(new);
                self.rows.insert(new.id, new.clone());
            }
        }
        Settled::Recorded
    }

    fn waiting(&self) -> impl Iterator<Item = (&Delivery, Timestamp)> {
        self.rows.values().filter_map(|row| match row.state {
            DeliveryState::Waiting { due_at } => Some((row, due_at)),
            _ => None,
        })
    }

    fn due(&self, lane: EndpointId) -> Vec<(Timestamp, DeliveryId)> {
        let own = self.waiting().filter(|(row, _)| row.endpoint == lane);
        let mut due: Vec<_> = own.map(|(row, due)| (due, row.id)).collect();
        due.sort_unstable();
        due
    }
}

fn settlement_of(
    (number, what, at, attempts, by_attempt): (u64, u8, u64, u16, bool),
) -> Settlement {
    let fresh = Delivery {
        attempts,
        first_attempt_at: (attempts > 0).then(|| time(1)),
        ..subject(number)
    };
    let stand = match what {
        0 => delivered(&fresh, at),
        1 => failed(&fresh, at),
        2 => Delivery {
            state: DeliveryState::Discarded {
                at: time(at),
                reason: DiscardedReason::EndpointDisabled,
            },
            ..fresh
        },
        _ => waiting(&fresh, at),
    };
    if by_attempt && stand.attempts > 0 {
        attempted(stand, at)
    } else {
        settlement(stand)
    }
}

async fn take(store: Box<dyn OpenStore>, model: &mut Model, step: &Step) -> Box<dyn OpenStore> {
    let part = store.deliveries();
    match step {
        Step::Settle(all) => {
            let all: Vec<_> = all.iter().copied().map(settlement_of).collect();
            let expected: Vec<_> = all.iter().map(|one| model.settle(one)).collect();
            assert_eq!(part.settle(Arc::new(all), None).await.unwrap(), expected);
        }
        Step::Materialise(position) => {
            let none = Arc::new(Vec::new());
            part.settle(none, Some(*position)).await.unwrap();
            model.materialised = model.materialised.max(*position);
        }
        Step::Discard(lane, limit) => {
            let (lane, reason) = (endpoint(*lane), DiscardedReason::EndpointDeleted);
            let ended = part.discard(lane, reason, time(70), *limit).await.unwrap();
            let due: Vec<_> = model.due(lane).into_iter().take(*limit).collect();
            assert_eq!(ended, due.len());
            for (_, id) in due {
                let row = model.rows.get_mut(&id).unwrap();
                row.state = DeliveryState::Discarded {
                    at: time(70),
                    reason,
                };
                let row = row.clone();
                model.end(&row);
            }
        }
        Step::DropDeliveries(before) => {
            let expired = Expired::Deliveries(time(*before));
            while part.drop_expired(expired, 3).await.unwrap() > 0 {}
            let gone = |row: &Delivery| row.state.ended() && row.created_at < time(*before);
            let rows = &mut model.rows;
            let gone: HashSet<_> = rows
                .values()
                .filter(|row| gone(row))
                .map(|row| row.id)
                .collect();
            rows.retain(|id, _| !gone.contains(id));
            model.attempts.retain(|id| !gone.contains(&id.delivery()));
        }
        Step::DropAttempts(before) => {
            let expired = Expired::Attempts(time(*before));
            while part.drop_expired(expired, 3).await.unwrap() > 0 {}
            let rows = &model.rows;
            model.attempts.retain(|id| {
                let row = &rows[&id.delivery()];
                !row.state.ended() || row.created_at >= time(*before)
            });
        }
        Step::Restart(crash) => {
            drop(part);
            return if *crash {
                store.crash().await
            } else {
                store.restart().await
            };
        }
    }
    store
}

async fn compare(part: &dyn Deliveries, model: &Model) {
    for number in 0..48 {
        let subject = subject(number);
        let row = part.delivery(&subject.scope, subject.id).await.unwrap();
        assert_eq!(row.as_ref(), model.rows.get(&subject.id));
        let attempts = part
            .attempts(&subject.scope, subject.id.attempt(0), 100)
            .await
            .unwrap();
        let attempts: Vec<_> = attempts.iter().map(|attempt| attempt.id).collect();
        let expected = model
            .attempts
            .iter()
            .filter(|id| id.delivery() == subject.id);
        assert_eq!(attempts, expected.copied().collect::<Vec<_>>());
    }
    for number in [1, 2] {
        let lane = endpoint(number);
        let expected = model.due(lane);
        let due = part.due(lane, time(100), 4).await.unwrap();
        let now: Vec<_> = expected
            .iter()
            .filter(|(due, _)| *due <= time(100))
            .take(4)
            .collect();
        assert!(
            due.deliveries
                .iter()
                .map(|row| row.id)
                .eq(now.iter().map(|(_, id)| *id))
        );
        assert_eq!(due.next, expected.get(now.len()).map(|(due, _)| *due));
        let from = Timestamp::from_seconds(START);
        let tallies = part.tallies(lane, from, time(9_000)).await.unwrap();
        let own = model
            .tallies
            .iter()
            .filter(|((endpoint, _), _)| *endpoint == lane);
        assert_eq!(
            tallies,
            own.map(|(_, tally)| tally.clone()).collect::<Vec<_>>()
        );
    }
    let backlog = part.backlog().await.unwrap();
    let waiting = model.waiting().count() as u64;
    assert_eq!(backlog.waiting, Count::Exact(waiting));
    let oldest = model.waiting().map(|(row, _)| row.created_at).min();
    assert_eq!(backlog.oldest, oldest);
    assert_eq!(part.materialised().await.unwrap(), model.materialised);
    let events: Vec<_> = (0..12).map(|number| event(number).id).collect();
    let waiting: HashSet<_> = model.waiting().map(|(row, _)| row.event).collect();
    assert_eq!(part.waiting_events(&events).await.unwrap(), waiting);
    for tenant in ["a", "b"] {
        for state in [None, Some(StateName::Waiting), Some(StateName::Failed)] {
            for lane in [None, Some(endpoint(1))] {
                for of in [None, Some(event(1).id)] {
                    let query = DeliveryQuery {
                        state,
                        endpoint: lane,
                        event: of,
                        limit: 3,
                        ..deliveries_of(tenant)
                    };
                    let expected = model.rows.values().rev().filter(|row| fits(row, &query));
                    let expected: Vec<_> = expected.cloned().collect();
                    assert_eq!(walk(part, &query).await, expected, "{query:?}");
                }
            }
        }
    }
}

/// Settling, discarding, taking what has expired, restarts and crashes, in any order.
pub async fn deliveries_do_what_a_simple_model_does(engine: &dyn Engine) {
    for_each_case(
        engine,
        steps(),
        async |engine: &dyn Engine, steps: Vec<Step>| {
            let mut store = engine.fresh().await;
            let mut model = Model::default();
            for step in &steps {
                store = take(store, &mut model, step).await;
            }
            compare(&*store.deliveries(), &model).await;
        },
    )
    .await;
}
