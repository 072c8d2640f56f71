//! The receivers, as all nodes reach them.

use std::collections::HashMap;
use std::sync::Arc;

use fanfare_app::nodes::NodeId;
use fanfare_app::port::Sender;
use fanfare_app::port::log::Event;
use fanfare_app::port::sender::{Exchange, OutboundRequest};
use fanfare_domain::attempt::ErrorKind;
use fanfare_domain::id::{BatchId, DeliveryId, EndpointId};
use fanfare_testkit::scripted_sender::{Answer, ScriptedSender, Sent};
use fanfare_testkit::seeded::Seeded;
use parking_lot::Mutex;
use serde_json::Value;

use super::{Chronicle, Fact};
use crate::setting::millis;

/// Where everything is taken at once, whatever happens.
pub(super) const WELL: &str = "https://well.example/";
/// Those that fail often, and whose second attempts come late unless somebody asks for one.
pub(super) const PATIENT: [&str; 2] = ["https://patient.example/", "https://patient-key.example/"];
/// Those that have a breaker, and are well or broken for longer.
pub(super) const FRAIL: [&str; 2] = ["https://frail.example/", "https://frail-too.example/"];
/// Those that get their events in batches.
pub(super) const BATCHED: [&str; 2] = ["https://batch.example/", "https://batch-key.example/"];
/// What is sent where all fails goes there.
const NOWHERE: &str = "https://nowhere.example/";

/// How a frail receiver is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// It takes what comes.
    Well,
    /// It takes nothing.
    Broken,
    /// This node does not reach it.
    CutFrom(NodeId),
}

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
    moods: HashMap<String, Mood>,
    sent: usize,
    calm: bool,
}

impl Network {
    pub(super) fn new(seed: u64, chronicle: &Chronicle) -> Self {
        let network = Self {
            sender: ScriptedSender::new(chronicle.clock),
            chronicle: chronicle.clone(),
            known: Arc::default(),
        };
        let (chance, known) = (Seeded::new(seed), Arc::clone(&network.known));
        network.sender.count_only();
        network.sender.decide(move |sent: &Sent| {
            let calm = known.lock().calm;
            answer(sent, &chance, calm)
        });
        network
    }

    /// An endpoint is there.
    pub(super) fn serves(&self, url: &str, endpoint: EndpointId) {
        self.known.lock().endpoints.insert(url.to_owned(), endpoint);
    }

    /// The endpoint that is there.
    pub(super) fn endpoint_at(&self, url: &str) -> Option<EndpointId> {
        self.known.lock().endpoints.get(url).copied()
    }

    /// An event may be sent.
    pub(super) fn expect(&self, event: Arc<Event>) {
        let id = event.public_id();
        self.known.lock().events.insert(id, event);
    }

    /// A receiver's health changes.
    pub(super) fn change(&self, url: &str, mood: Mood) {
        self.known.lock().moods.insert(url.to_owned(), mood);
    }

    /// Every receiver takes everything at once from now on.
    pub(super) fn calm_down(&self) {
        self.known.lock().calm = true;
    }

    /// Sends a node's request, now.
    pub(super) async fn send(&self, node: NodeId, mut request: OutboundRequest) -> Exchange {
        let number = {
            let mut known = self.known.lock();
            let number = known.sent;
            known.sent += 1;
            let url = request.uri.to_string();
            if let Some(endpoint) = known.endpoints.get(&url).copied() {
                let (batch, events) = contents(&request);
                let deliveries = known.deliveries(&events, endpoint);
                self.chronicle.note(Fact::Sent {
                    number,
                    node,
                    endpoint,
                    deliveries,
                    batch,
                });
            }
            let broken = match known.moods.get(&url) {
                None | Some(Mood::Well) => false,
                Some(Mood::Broken) => true,
                Some(Mood::CutFrom(whom)) => *whom == node,
            };
            if broken
                && !known.calm
                && let Ok(uri) = NOWHERE.parse()
            {
                request.uri = uri;
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

impl Known {
    fn deliveries(&self, events: &[String], endpoint: EndpointId) -> Vec<DeliveryId> {
        let events = events.iter().filter_map(|id| self.events.get(id));
        let deliveries = events.filter_map(|event| {
            let mut of = event.deliveries();
            of.find(|(_, to)| *to == endpoint)
        });
        deliveries.map(|(id, _)| id).collect()
    }
}

/// The batch that a request brings, if it is one, and the events in it.
fn contents(request: &OutboundRequest) -> (Option<BatchId>, Vec<String>) {
    let id = request.headers.get("webhook-id");
    let id = id.and_then(|id| id.to_str().ok()).unwrap_or_default();
    let Some(batch) = id
        .starts_with(BatchId::PREFIX)
        .then(|| BatchId::parse(id).ok())
        .flatten()
    else {
        return (None, vec![id.to_owned()]);
    };
    let members: Vec<Value> = serde_json::from_slice(&request.body).unwrap_or_default();
    let ids = members.iter().map(|member| member["id"].as_str());
    let ids = ids.map(|id| id.unwrap_or_default().to_owned());
    (Some(batch), ids.collect())
}

fn answer(sent: &Sent, chance: &Seeded, calm: bool) -> Answer {
    let url = sent.url.as_str();
    if calm || url == WELL {
        return Answer::status(200);
    }
    if url == NOWHERE {
        return Answer::status(500).after(millis(chance.below(50)));
    }
    if FRAIL.contains(&url) {
        return Answer::status(200).after(millis(chance.below(50)));
    }
    if PATIENT.contains(&url) && chance.chance(0.4) {
        return Answer::status(500);
    }
    let after = millis(*chance.pick(&[0, 1, 5, 20, 20, 300, 1_500]));
    match chance.below(20) {
        0..16 => Answer::status(200).after(after),
        16..18 => Answer::status(500).after(after),
        18 => Answer::error(ErrorKind::ConnectionClosed).after(after),
        _ => Answer::hang(),
    }
}
