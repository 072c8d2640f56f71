//! What nodes share: the store, and the tables by which they know of each other. Each step on the tables is one
//! transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use fanfare_app::nodes::{NodeId, Seen};
use fanfare_app::port::coordination::{BreakerNews, Epoch};
use fanfare_app::port::log::Position;
use fanfare_domain::id::{BatchId, DeliveryId, EndpointId};
use fanfare_domain::order::Strand;
use fanfare_testkit::memory_store::MemoryStore;
use fanfare_testkit::seeded::Seeded;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::gate::{Condition, Gate};
use super::{Chronicle, Fact, Mutant};

mod wishes;

/// In whose name deliveries wait for an endpoint that one node serves at a time.
pub(super) const OWNERS: NodeId = -1;
/// Of every so many hints, so many are lost.
const LOST: f64 = 0.3;

/// An endpoint for which something is left, and in which strand, where that is known.
pub(super) type Left = (EndpointId, Option<Strand>);

/// What a hint tells others.
#[derive(Clone, Copy, Debug)]
pub(super) enum News {
    /// Something is left.
    Left(Left),
    /// There is something to look for: a wish.
    Work,
    /// A breaker opened or closed.
    Breaker(EndpointId, BreakerNews),
}

pub(super) struct Shared {
    pub(super) store: MemoryStore,
    pub(super) chronicle: Chronicle,
    pub(super) chance: Seeded,
    pub(super) mutant: Option<Mutant>,
    /// From when on the nodes' clock counts.
    origin: Instant,
    tables: Mutex<Tables>,
    ears: Mutex<BTreeMap<NodeId, Arc<Ear>>>,
}

#[derive(Default)]
struct Tables {
    nodes: BTreeMap<NodeId, Row>,
    owners: BTreeMap<EndpointId, (NodeId, Epoch)>,
    accepted_by: BTreeMap<Position, NodeId>,
    /// In whose name each row waits.
    names: BTreeMap<DeliveryId, (NodeId, EndpointId)>,
    materialised: BTreeMap<NodeId, Position>,
    wishes: wishes::Wishes,
    batches: BTreeMap<DeliveryId, BatchId>,
}

struct Row {
    beat: i64,
    ended: bool,
    gone: bool,
}

/// What a node hears of others.
pub(super) struct Ear {
    gate: Gate,
    left: Mutex<BTreeSet<Left>>,
    breakers: Mutex<BTreeMap<EndpointId, BreakerNews>>,
    pub(super) heard: Notify,
}

impl Ear {
    pub(super) fn take(&self) -> BTreeSet<Left> {
        std::mem::take(&mut self.left.lock())
    }

    /// The last that was heard of each breaker.
    pub(super) fn take_breakers(&self) -> BTreeMap<EndpointId, BreakerNews> {
        std::mem::take(&mut self.breakers.lock())
    }

    fn hear(&self, news: News) {
        match news {
            News::Left(left) => drop(self.left.lock().insert(left)),
            News::Work => {}
            News::Breaker(endpoint, news) => {
                self.breakers.lock().insert(endpoint, news);
            }
        }
        self.heard.notify_one();
    }
}

impl Shared {
    pub(super) fn new(seed: u64, chronicle: Chronicle, mutant: Option<Mutant>) -> Arc<Self> {
        let store = MemoryStore::new();
        store.without_power_failures();
        Arc::new(Self {
            store,
            chronicle,
            chance: Seeded::new(seed),
            mutant,
            origin: Instant::now(),
            tables: Mutex::default(),
            ears: Mutex::default(),
        })
    }

    pub(super) fn clock(&self) -> Duration {
        self.origin.elapsed()
    }

    pub(super) fn has(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub(super) fn join(&self, gate: &Gate) -> (NodeId, Arc<Ear>) {
        let mut tables = self.tables.lock();
        let id = tables.nodes.len() as NodeId + 1;
        let row = Row {
            beat: 0,
            ended: false,
            gone: false,
        };
        tables.nodes.insert(id, row);
        let ear = Arc::new(Ear {
            gate: gate.clone(),
            left: Mutex::default(),
            breakers: Mutex::default(),
            heard: Notify::new(),
        });
        self.ears.lock().insert(id, Arc::clone(&ear));
        self.chronicle.note(Fact::Joined(id));
        (id, ear)
    }

    /// Whether a node is there; what another one writes is refused.
    pub(super) fn is_there(&self, id: NodeId) -> bool {
        let tables = self.tables.lock();
        self.has(Mutant::AcceptOldEpoch) || tables.nodes.get(&id).is_some_and(|row| !row.gone)
    }

    /// False once it is gone.
    pub(super) fn renew(&self, id: NodeId) -> bool {
        let mut tables = self.tables.lock();
        match tables.nodes.get_mut(&id) {
            Some(row) if !row.gone => {
                row.beat += 1;
                true
            }
            _ => false,
        }
    }

    pub(super) fn nodes(&self) -> Vec<Seen> {
        let tables = self.tables.lock();
        let there = tables.nodes.iter().filter(|(_, row)| !row.gone);
        there
            .map(|(id, row)| Seen {
                id: *id,
                beat: row.beat,
                delivers: true,
                ended: row.ended,
            })
            .collect()
    }

    /// Its process has ended, as others on its machine can see.
    pub(super) fn has_ended(&self, id: NodeId) {
        if let Some(row) = self.tables.lock().nodes.get_mut(&id) {
            row.ended = true;
        }
    }

    pub(super) fn declare_gone(&self, id: NodeId) {
        if let Some(row) = self.tables.lock().nodes.get_mut(&id)
            && !std::mem::replace(&mut row.gone, true)
        {
            self.chronicle.note(Fact::Gone(id));
        }
    }

    /// Gives endpoints back, and what waits in a node's own name for them to their owners.
    pub(super) fn let_go(&self, id: NodeId, endpoints: &[EndpointId]) {
        let mut tables = self.tables.lock();
        for endpoint in endpoints {
            if let Some((owner, _)) = tables.owners.get_mut(endpoint)
                && *owner == id
            {
                *owner = 0;
            }
            for (name, of) in tables.names.values_mut() {
                if *name == id && of == endpoint {
                    *name = OWNERS;
                }
            }
        }
    }

    /// Takes those that are nobody's, or of one who is gone.
    pub(super) fn ask_for(&self, id: NodeId, endpoints: &[EndpointId]) -> Vec<(EndpointId, Epoch)> {
        let mut tables = self.tables.lock();
        let mut got = Vec::new();
        for endpoint in endpoints {
            let (owner, epoch) = tables.owners.get(endpoint).copied().unwrap_or((0, 0));
            let there = tables.nodes.get(&owner).is_some_and(|row| !row.gone);
            if there && owner != id && !self.has(Mutant::TakeFromTheLiving) {
                continue;
            }
            tables.owners.insert(*endpoint, (id, epoch + 1));
            got.push((*endpoint, epoch + 1));
        }
        got
    }

    pub(super) fn accepted(&self, position: Position, by: NodeId) {
        self.tables.lock().accepted_by.insert(position, by);
    }

    pub(super) fn accepted_by(&self, position: Position) -> NodeId {
        let tables = self.tables.lock();
        tables.accepted_by.get(&position).copied().unwrap_or(0)
    }

    pub(super) fn materialised(&self, id: NodeId) -> Position {
        let tables = self.tables.lock();
        tables.materialised.get(&id).copied().unwrap_or(0)
    }

    pub(super) fn materialise(&self, id: NodeId, position: Position) {
        let mut tables = self.tables.lock();
        let known = tables.materialised.entry(id).or_default();
        *known = position.max(*known);
    }

    pub(super) fn name(&self, delivery: DeliveryId, endpoint: EndpointId, name: NodeId) {
        let mut tables = self.tables.lock();
        tables.names.insert(delivery, (name, endpoint));
    }

    /// It has ended.
    pub(super) fn unname(&self, delivery: DeliveryId) {
        self.tables.lock().names.remove(&delivery);
    }

    pub(super) fn waits_for(&self, delivery: DeliveryId) -> Option<NodeId> {
        self.named(delivery).map(|(name, _)| name)
    }

    /// In whose name a delivery waits, and for which endpoint.
    pub(super) fn named(&self, delivery: DeliveryId) -> Option<(NodeId, EndpointId)> {
        self.tables.lock().names.get(&delivery).copied()
    }

    /// A delivery goes in a batch from now on.
    pub(super) fn bind(&self, delivery: DeliveryId, batch: BatchId) {
        self.tables.lock().batches.insert(delivery, batch);
    }

    pub(super) fn gone(&self) -> Vec<NodeId> {
        if self.has(Mutant::ForgetTheGone) {
            return Vec::new();
        }
        let tables = self.tables.lock();
        let gone = tables.nodes.iter().filter(|(_, row)| row.gone);
        gone.map(|(id, _)| *id).collect()
    }

    /// Gives what waits in nobody's name, or in that of one who is gone, another name; answers for which
    /// endpoints.
    pub(super) fn claim(&self, name_of: impl Fn(EndpointId) -> NodeId) -> BTreeSet<EndpointId> {
        let gone = self.gone();
        let (mut claimed, mut batches) = (BTreeSet::new(), BTreeSet::new());
        let tables = &mut *self.tables.lock();
        for (id, (name, endpoint)) in &mut tables.names {
            let batch = tables.batches.get(id);
            let another = batch.is_some_and(|batch| !batches.insert(*batch));
            if (*name == 0 || gone.contains(name)) && !(another && self.has(Mutant::ShareOut)) {
                *name = name_of(*endpoint);
                claimed.insert(*endpoint);
            }
        }
        claimed
    }

    /// Tells others, of whom some do not hear it, and some late.
    pub(super) fn tell(&self, by: NodeId, news: News) {
        for (id, ear) in self.ears.lock().iter() {
            if *id == by || ear.gate.condition() != Condition::Well || self.chance.chance(LOST) {
                continue;
            }
            let (ear, late) = (Arc::clone(ear), self.chance.below(200));
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(late)).await;
                if ear.gate.condition() == Condition::Well {
                    ear.hear(news);
                }
            });
        }
    }
}
