//! The log part against a list.

use std::collections::HashMap;
use std::sync::Arc;

use fanfare_app::port::log::{Append, Appended, Event, EventQuery, Idempotency, Position};
use proptest::prelude::*;

use super::for_each_case;
use crate::engine::Engine;
use crate::made::{append, event, events_of, time};

/// The caller's id, the key, what it says.
type Choice = (Option<u8>, Option<u8>, u8);

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<Choice>),
    /// The places of events among those that are kept.
    Drop(Vec<usize>),
    DropKeys,
    Restart(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let choice = (
        prop::option::of(0..4u8),
        prop::option::weighted(0.3, 0..4u8),
        0..2u8,
    );
    let step = prop_oneof![
        6 => prop::collection::vec(choice, 1..6).prop_map(Step::Append),
        2 => prop::collection::vec(0..10usize, 1..4).prop_map(Step::Drop),
        1 => Just(Step::DropKeys),
        1 => any::<bool>().prop_map(Step::Restart),
    ];
    prop::collection::vec(step, 1..25)
}

#[derive(Default)]
struct Model {
    kept: Vec<(Position, Arc<Event>, Option<[u8; 16]>)>,
    keys: HashMap<[u8; 32], (Idempotency, Position)>,
    highest: Position,
}

impl Model {
    fn event(&self, position: Position) -> Option<&Arc<Event>> {
        let mut kept = self.kept.iter();
        kept.find(|kept| kept.0 == position).map(|kept| &kept.1)
    }

    /// What the answer must be; for an event that is added, none.
    fn twin(&self, append: &Append) -> Option<Appended> {
        if let Some(asked) = &append.idempotency
            && let Some((key, position)) = self.keys.get(&asked.digest)
            && key.expires_at > append.event.created_at
            && let Some(event) = self.event(*position)
        {
            return Some(if key.content == asked.content {
                Appended::Twin(Arc::clone(event))
            } else {
                Appended::KeyReused
            });
        }
        let uid = append.event.uid.as_ref()?;
        let (_, event, content) = self
            .kept
            .iter()
            .find(|kept| kept.1.uid.as_ref() == Some(uid))?;
        Some(if *content == append.content {
            Appended::Twin(Arc::clone(event))
        } else {
            Appended::UidTaken
        })
    }

    fn take(&mut self, append: &Append, answer: &Appended) {
        let Some(expected) = self.twin(append) else {
            let Appended::At(position) = answer else {
                panic!("not appended: {answer:?}");
            };
            assert!(*position > self.highest);
            self.highest = *position;
            let event = Arc::clone(&append.event);
            self.kept.push((*position, event, append.content));
            if let Some(key) = append.idempotency {
                self.keys.insert(key.digest, (key, *position));
            }
            return;
        };
        assert_eq!(*answer, expected);
    }
}

fn append_of(number: u64, (uid, key, content): Choice) -> Append {
    let event = Event {
        uid: uid.map(|uid| format!("uid:{uid}")),
        ..event(number)
    };
    Append {
        content: event.uid.as_ref().map(|_| [content; 16]),
        in_turn: Vec::new(),
        idempotency: key.map(|key| Idempotency {
            digest: [key; 32],
            content: [content; 16],
            expires_at: time(number + 20),
        }),
        ..append(event)
    }
}

/// Appending with ids and keys that come again, forgetting, restarts and crashes, in any order.
pub async fn the_log_does_what_a_simple_model_does(engine: &dyn Engine) {
    for_each_case(
        engine,
        steps(),
        async |engine: &dyn Engine, steps: Vec<Step>| {
            let mut store = engine.fresh().await;
            let mut model = Model::default();
            let mut number = 0;
            for step in steps {
                match step {
                    Step::Append(choices) => {
                        let mut appends = Vec::new();
                        for choice in choices {
                            number += 1;
                            appends.push(append_of(number, choice));
                        }
                        let answers = store.log().append(appends.clone()).await.unwrap();
                        assert_eq!(answers.len(), appends.len());
                        for (append, answer) in appends.iter().zip(&answers) {
                            model.take(append, answer);
                        }
                    }
                    Step::Drop(places) => {
                        let kept = places.iter().filter_map(|place| model.kept.get(*place));
                        let positions: Vec<_> = kept.map(|kept| kept.0).collect();
                        store.log().drop_events(positions.clone()).await.unwrap();
                        model.kept.retain(|kept| !positions.contains(&kept.0));
                    }
                    Step::DropKeys => {
                        let now = time(number);
                        while store.log().drop_expired_keys(now, 2).await.unwrap() > 0 {}
                        model.keys.retain(|_, (key, _)| key.expires_at > now);
                    }
                    Step::Restart(true) => store = store.crash().await,
                    Step::Restart(false) => store = store.restart().await,
                }
            }
            let read = store.log().read_after(0, 1_000).await.unwrap();
            let kept = model.kept.iter();
            let expected: Vec<_> = kept
                .map(|(at, event, _)| (*at, Arc::clone(event)))
                .collect();
            assert_eq!(read, expected);
            let query = EventQuery {
                limit: 1_000,
                ..events_of("a")
            };
            let listed = store.log().events(&query).await.unwrap();
            assert!(
                listed
                    .iter()
                    .eq(expected.iter().rev().map(|(_, event)| event))
            );
        },
    )
    .await;
}
