//! The play: what publishers do, and what befalls the nodes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use fanfare_app::endpoints::{EndpointDraft, RateLimitDraft};
use fanfare_app::nodes::NodeId;
use fanfare_app::port::log::Event;
use fanfare_app::port::sender::{Exchange, OutboundRequest};
use fanfare_app::port::{Deliveries, Sender};
use fanfare_app::publish::EventDraft;
use fanfare_delivery::EngineOptions;
use fanfare_domain::attempt::ErrorKind;
use fanfare_domain::breaker::BreakerPatch;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::{DeliveryId, EndpointId};
use fanfare_domain::order::Ordering;
use fanfare_domain::policy::PolicyPatch;
use fanfare_domain::rate::Per;
use fanfare_domain::time::Timestamp;
use fanfare_testkit::builders::{acme, endpoint, event, settle_in};
use fanfare_testkit::clock::VirtualClock;
use fanfare_testkit::memory_store::Change;
use fanfare_testkit::scripted_sender::{Answer, ScriptedSender, Sent};
use fanfare_testkit::seeded::Seeded;
use parking_lot::Mutex;

use super::fact::Disturbance;
use super::gate::Condition;
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
/// Where everything is taken at once, whatever happens.
const WELL: &str = "https://well.example/";

/// Those that fail often, and whose second attempts come late unless somebody asks for one.
const PATIENT: [&str; 2] = ["https://patient.example/", "https://patient-key.example/"];

/// The rows at the end.
pub(super) type Finals = BTreeMap<DeliveryId, Delivery>;

/// All receivers. Clones are handles of the same ones.
#[derive(Clone)]
pub(super) struct Network {
    sender: ScriptedSender,
    chronicle: Chronicle,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    endpoints: HashMap<String, EndpointId>,
    events: HashMap<String, Arc<Event>>,
    sent: usize,
    calm: bool,
}

impl Network {
    fn new(seed: u64, chronicle: &Chronicle) -> Self {
        let network = Self {
            sender: ScriptedSender::new(chronicle.clock),
            chronicle: chronicle.clone(),
            known: Arc::default(),
        };
        let (chance, known) = (Seeded::new(seed), Arc::clone(&network.known));
        network.sender.count_only();
        network.sender.decide(move |sent: &Sent| {
            if known.lock().calm || sent.url == WELL {
                return Answer::status(200);
            }
            if PATIENT.contains(&sent.url.as_str()) && chance.chance(0.4) {
                return Answer::status(500);
            }
            let after = millis(*chance.pick(&[0, 1, 5, 20, 20, 300, 1_500]));
            match chance.below(20) {
                0..16 => Answer::status(200).after(after),
                16..18 => Answer::status(500).after(after),
                18 => Answer::error(ErrorKind::ConnectionClosed).after(after),
                _ => Answer::hang(),
            }
        });
        network
    }

    /// Sends a node's request, now.
    pub(super) async fn send(&self, node: NodeId, request: OutboundRequest) -> Exchange {
        let id = request.headers.get("webhook-id");
        let id = id.and_then(|id| id.to_str().ok()).unwrap_or_default();
        let number = {
            let mut known = self.known.lock();
            let number = known.sent;
            known.sent += 1;
            let endpoint = known.endpoints.get(&request.uri.to_string()).copied();
            let delivery = known.events.get(id).and_then(|event| {
                let of = event.deliveries().find(|(_, to)| Some(*to) == endpoint);
                of.map(|(delivery, _)| delivery)
            });
            if let (Some(endpoint), Some(delivery)) = (endpoint, delivery) {
                self.chronicle.note(Fact::Sent {
                    number,
                    node,
                    delivery,
                    endpoint,
                });
            }
            number
        };
        let exchange = self.sender.send(request).await;
        let status = exchange.response.as_ref().map(|response| response.status);
        let taken = exchange.error.is_none() && status == Some(200);
        self.chronicle.note(Fact::Answered(number, taken));
        exchange
    }
}

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
    let (committed, known) = (chronicle.clone(), Arc::clone(&network.known));
    shared.store.watch(move |change| match change {
        Change::Event(position, event) => {
            let id = event.public_id();
            known.lock().events.insert(id, Arc::clone(&event));
            committed.note(Fact::Committed(position, event));
        }
        Change::Row(row) => {
            committed.note(Fact::Row(row));
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
        ];
        for (url, ordering, rate_limit) in drafts {
            let waits = match PATIENT.contains(&url) {
                true => [0, 40, 1, 1],
                false => [0, 1, 2, 4],
            };
            let draft = EndpointDraft {
                policy: Some(PolicyPatch {
                    waits: Some(waits.map(seconds).to_vec()),
                    timeout: Some(*self.chance.pick(&[millis(500), seconds(2)])),
                    jitter: Some(0.0),
                    breaker: Some(BreakerPatch::off()),
                    ..PolicyPatch::default()
                }),
                ordering: Some(ordering),
                rate_limit,
                ..endpoint(url)
            };
            let fanfare = &self.nodes[0].fanfare;
            let made = fanfare.create_endpoint(&acme(), draft, Vec::new()).await;
            let made = made.expect("it is made");
            self.network
                .known
                .lock()
                .endpoints
                .insert(url.to_owned(), made.id);
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
        self.network.known.lock().calm = true;
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
