//! The play: what publishers do, and what befalls the nodes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use fanfare_app::endpoints::{EndpointDraft, RateLimitDraft};
use fanfare_app::port::Deliveries;
use fanfare_app::publish::EventDraft;
use fanfare_delivery::EngineOptions;
use fanfare_domain::batch::Batching;
use fanfare_domain::breaker::BreakerPatch;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::DeliveryId;
use fanfare_domain::order::Ordering;
use fanfare_domain::policy::PolicyPatch;
use fanfare_domain::rate::Per;
use fanfare_domain::time::Timestamp;
use fanfare_testkit::builders::{acme, endpoint, event, settle_in};
use fanfare_testkit::clock::VirtualClock;
use fanfare_testkit::memory_store::Change;
use fanfare_testkit::seeded::Seeded;

use super::fact::Disturbance;
use super::gate::Condition;
use super::network::{BATCHED, FRAIL, Mood, Network, PATIENT, WELL};
use super::node::{DETECTION, Node};
use super::shared::Shared;
use super::{Chronicle, Fact, Mutant};
use crate::history::everything_of;
use crate::setting::{millis, seconds};

mod asking;

/// How many things happen in a run.
const DEEDS: usize = 60;
/// When what went wrong before is over.
pub(super) const SETTLED_AFTER: Duration = Duration::from_secs(40);
/// The longest that all may take to end then.
const LONGEST: u64 = 1_200;

/// The rows at the end.
pub(super) type Finals = BTreeMap<DeliveryId, Delivery>;

struct Play {
    chance: Seeded,
    shared: Arc<Shared>,
    network: Network,
    options: EngineOptions,
    nodes: Vec<Node>,
    /// Whether a job is being asked for: there is one at a time.
    asking: Arc<AtomicBool>,
}

/// Plays a seed to its end.
#[expect(clippy::expect_used, reason = "a run that can't begin shows nothing")]
pub(super) async fn play(seed: u64, mutant: Option<Mutant>) -> (Vec<(Timestamp, Fact)>, Finals) {
    let chance = Seeded::new(seed);
    let chronicle = Chronicle::new(VirtualClock::default());
    let shared = Shared::new(seed ^ 0x5a7e, chronicle.clone(), mutant);
    let network = Network::new(seed ^ 0xa15e, &chronicle);
    let (committed, known) = (chronicle.clone(), network.clone());
    shared.store.watch(move |change| match change {
        Change::Event(position, event) => {
            known.expect(Arc::clone(&event));
            committed.note(Fact::Committed(position, event));
        }
        Change::Row(row) => {
            committed.note(Fact::Row(row));
        }
        Change::Bound(members) => {
            committed.note(Fact::Bound(members));
        }
        Change::Job(job, _) => {
            committed.note(Fact::Job(job));
        }
        _ => {}
    });
    let options = EngineOptions {
        lane_queue: *chance.pick(&[2, 16, 256]),
        lane_concurrency_start: *chance.pick(&[1, 4, 8]),
        ..EngineOptions::default()
    };
    let mut play = Play {
        chance,
        shared,
        network,
        options,
        nodes: Vec::new(),
        asking: Arc::default(),
    };
    for _ in 0..2 + play.chance.below(2) {
        play.begin().await;
    }
    settle_in(&play.nodes[0].fanfare).await;
    play.make_endpoints().await;
    // Until every node knows them.
    tokio::time::sleep(seconds(3)).await;
    for _ in 0..DEEDS {
        play.revive(0.5).await;
        play.act().await;
        let pause = millis(play.chance.below(1_500));
        tokio::time::sleep(pause).await;
    }
    play.calm().await;
    let rows = play.shared.store.deliveries(&everything_of(&acme())).await;
    let rows = rows.expect("the store does not fail");
    let finals = rows.into_iter().map(|row| (row.id, row)).collect();
    (chronicle.take(), finals)
}

impl Play {
    /// One more node.
    #[expect(clippy::expect_used, reason = "a node that is well can start")]
    async fn begin(&mut self) {
        let node = Node::start(&self.shared, &self.network, &self.options).await;
        self.nodes.push(node.expect("it starts"));
    }

    #[expect(clippy::expect_used, reason = "a run that can't begin shows nothing")]
    async fn make_endpoints(&self) {
        let rate = || RateLimitDraft {
            requests: 2 + self.chance.below(9) as u32,
            per: Per::Second,
            burst: Some(1 + self.chance.below(3) as u32),
        };
        let drafts = [
            (WELL, Ordering::Unordered, None),
            ("https://plain.example/", Ordering::Unordered, None),
            ("https://strict.example/", Ordering::Strict, None),
            ("https://key.example/", Ordering::ByKey, None),
            ("https://rated.example/", Ordering::Unordered, Some(rate())),
            ("https://both.example/", Ordering::Strict, Some(rate())),
            (PATIENT[0], Ordering::Unordered, None),
            (PATIENT[1], Ordering::ByKey, None),
            (FRAIL[0], Ordering::Unordered, None),
            (FRAIL[1], Ordering::Unordered, None),
            (BATCHED[0], Ordering::Unordered, None),
            (BATCHED[1], Ordering::ByKey, None),
        ];
        for (url, ordering, rate_limit) in drafts {
            let waits = match url {
                _ if PATIENT.contains(&url) => &[0, 40, 1, 1][..],
                _ if FRAIL.contains(&url) => &[0, 1, 2, 4, 8, 16],
                _ => &[0, 1, 2, 4],
            };
            let breaker = match FRAIL.contains(&url) {
                true => breaker(&self.chance),
                false => BreakerPatch::off(),
            };
            let draft = EndpointDraft {
                policy: Some(PolicyPatch {
                    waits: Some(waits.iter().copied().map(seconds).collect()),
                    timeout: Some(*self.chance.pick(&[millis(500), seconds(2)])),
                    jitter: Some(0.0),
                    breaker: Some(breaker),
                    ..PolicyPatch::default()
                }),
                ordering: Some(ordering),
                rate_limit,
                batch: BATCHED
                    .contains(&url)
                    .then(|| Batching::new(2 + self.chance.below(3) as u16, millis(300))),
                ..endpoint(url)
            };
            let fanfare = &self.nodes[0].fanfare;
            let made = fanfare.create_endpoint(&acme(), draft, Vec::new()).await;
            let made = made.expect("it is made");
            self.network.serves(url, made.id);
            self.shared.chronicle.note(Fact::Endpoint(Box::new(made)));
        }
    }

    /// Starts others in the place of dead nodes, at once or later, but for the last.
    async fn revive(&mut self, likelihood: f64) {
        for place in (0..self.nodes.len()).rev() {
            let alone = self.nodes.iter().all(Node::is_dead);
            if self.nodes[place].is_dead() && (alone || self.chance.chance(likelihood)) {
                self.nodes.remove(place);
                self.begin().await;
            }
        }
    }

    async fn act(&self) {
        let node = &self.nodes[self.chance.below(self.nodes.len() as u64) as usize];
        match self.chance.below(14) {
            0..7 => self.publish(node, 1 + self.chance.below(8)),
            7 => {
                let killed = Fact::Disturbed(node.id(), Disturbance::Killed);
                self.shared.chronicle.note(killed);
                node.gate.set(Condition::Dead);
                if self.chance.chance(0.5) {
                    self.shared.has_ended(node.id());
                }
            }
            8 => self.disturb(node, Condition::Paused, Disturbance::Paused),
            9 => self.disturb(node, Condition::CutOff, Disturbance::CutOff),
            10..12 => self.ask_for_extra(3).await,
            12 if self.chance.chance(0.5) => self.cancel(node).await,
            13 => self.change_a_mood(node),
            _ => {}
        }
    }

    fn publish(&self, node: &Node, count: u64) {
        for _ in 0..count {
            let draft = EventDraft {
                ordering_key: Some(format!("key-{}", self.chance.below(3))),
                ..event()
            };
            let (fanfare, id) = (Arc::clone(&node.fanfare), node.id());
            let chronicle = self.shared.chronicle.clone();
            tokio::spawn(async move {
                if let Ok(told) = fanfare.publish(acme(), draft, None).await {
                    chronicle.note(Fact::Accepted(id, told.event));
                }
            });
        }
    }

    /// A frail receiver breaks, for all or for one node, or is well again.
    fn change_a_mood(&self, node: &Node) {
        let url = *self.chance.pick(&FRAIL);
        let mood = *self.chance.pick(&[
            Mood::Well,
            Mood::Well,
            Mood::Broken,
            Mood::Broken,
            Mood::CutFrom(node.id()),
        ]);
        self.network.change(url, mood);
        self.shared.chronicle.note(Fact::Mood(url, mood));
    }

    fn disturb(&self, node: &Node, condition: Condition, what: Disturbance) {
        if node.gate.condition() != Condition::Well {
            return;
        }
        let chronicle = self.shared.chronicle.clone();
        chronicle.note(Fact::Disturbed(node.id(), what));
        node.gate.set(condition);
        let most = if self.chance.chance(0.3) { 0.6 } else { 2.5 };
        let long = DETECTION.mul_f64(most).as_millis() as u64;
        let (gate, id, long) = (
            node.gate.clone(),
            node.id(),
            millis(self.chance.below(long)),
        );
        tokio::spawn(async move {
            tokio::time::sleep(long).await;
            gate.set(Condition::Well);
            chronicle.note(Fact::Recovered(id));
        });
    }

    /// Nothing happens any more, and everything must come to its end.
    async fn calm(&mut self) {
        tokio::time::sleep(3 * DETECTION).await;
        self.revive(1.0).await;
        self.stand_still().await;
        self.network.calm_down();
        self.shared.chronicle.note(Fact::Calm);
        tokio::time::sleep(SETTLED_AFTER).await;
        for node in &self.nodes {
            self.publish(node, 3);
        }
        for _ in 0..LONGEST / 10 {
            tokio::time::sleep(seconds(10)).await;
            // Two that were down can have been declared gone meanwhile.
            self.revive(1.0).await;
            let rows = self.shared.store.backlog().await;
            if rows.is_ok_and(|backlog| backlog.waiting.value() == 0) {
                break;
            }
        }
        tokio::time::sleep(seconds(10)).await;
    }
}

/// One that opens after few failures in a row and for nothing else, so that the rules can tell when it is open.
fn breaker(chance: &Seeded) -> BreakerPatch {
    BreakerPatch {
        enabled: Some(true),
        failures: Some(2 + chance.below(2) as u32),
        failure_rate: Some(1.0),
        least_attempts: Some(100_000),
        first_wait: Some(seconds(1 + chance.below(4))),
        longest_wait: Some(seconds(10)),
        ..BreakerPatch::default()
    }
}
