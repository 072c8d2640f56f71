//! A node: the engine and the use cases, and what a server does beside them where several share a store.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanfare_app::directory::Directory;
use fanfare_app::format::{Formats, NativeFormat};
use fanfare_app::nodes::{BEATS, Lease, NodeId, Owners, Watch, favourite};
use fanfare_app::port::coordination::{BreakerNews, Owned};
use fanfare_app::port::sender::{Exchange, OutboundRequest};
use fanfare_app::port::{Coordination, Dispatch, Sender, StoreError};
use fanfare_app::{Fanfare, Limits, Ports};
use fanfare_delivery::{Engine, EngineOptions, EngineParts};
use fanfare_domain::id::EndpointId;
use fanfare_domain::policy::DeliveryPolicy;
use fanfare_testkit::seeded::Seeded;
use parking_lot::RwLock;
use tokio::sync::Notify;

use super::gate::{Condition, Gate};
use super::network::Network;
use super::ports::NodeStore;
use super::shared::{Ear, News, Shared};
use super::{Fact, Mutant};

/// How long a node may be silent.
pub(super) const DETECTION: Duration = Duration::from_secs(5);
/// How often it is looked for what others left.
const LOOK: Duration = Duration::from_millis(500);
/// How long to wait before an endpoint is asked for again.
const AGAIN: Duration = Duration::from_millis(50);
/// How often a node looks for changes of the configuration, since hints of those may be lost.
const REFRESH: Duration = Duration::from_secs(1);

/// This node among the others.
pub(super) struct Membership {
    pub(super) id: NodeId,
    pub(super) shared: Arc<Shared>,
    pub(super) owners: Owners,
    lease: Lease,
    delivering: RwLock<Vec<NodeId>>,
    changed: Notify,
    gate: Gate,
    /// Endpoints whose breakers were heard to have opened, and not to have closed.
    open_elsewhere: RwLock<BTreeSet<EndpointId>>,
}

impl Membership {
    pub(super) fn favours(&self, endpoint: EndpointId) -> bool {
        favourite(endpoint, &self.delivering.read()) == Some(self.id)
    }

    fn believes(&self, endpoint: EndpointId) -> bool {
        self.shared.has(Mutant::BelieveHints) && self.open_elsewhere.read().contains(&endpoint)
    }

    /// Tells the engine of a breaker.
    fn hear(&self, engine: &Engine, endpoint: EndpointId, news: BreakerNews) {
        let chronicle = &self.shared.chronicle;
        chronicle.note(Fact::Heard(self.id, endpoint, news));
        match news {
            BreakerNews::Opened => self.open_elsewhere.write().insert(endpoint),
            BreakerNews::Closed => self.open_elsewhere.write().remove(&endpoint),
        };
        if !self.shared.has(Mutant::IgnoreHints) {
            engine.breaker_elsewhere(endpoint, news);
        }
    }

    /// Whether it runs the jobs.
    fn is_first(&self) -> bool {
        self.may_send() && self.delivering.read().first() == Some(&self.id)
    }

    fn lease_lasts(&self) -> bool {
        self.shared.has(Mutant::IgnoreLease) || self.lease.lasts(self.shared.clock())
    }

    pub(super) fn want(&self, endpoint: EndpointId) {
        if self.favours(endpoint) {
            self.owners.want(endpoint);
        }
    }
}

#[async_trait]
impl Coordination for Membership {
    fn owns(&self, endpoint: EndpointId) -> Option<Owned> {
        let mut owned = self.owners.owns(endpoint, self.shared.clock())?;
        if self.shared.has(Mutant::ForgetPace) {
            owned.taken_over = None;
        }
        Some(owned)
    }

    fn may_send(&self) -> bool {
        // Who is paused decides nothing.
        let paused = matches!(self.gate.condition(), Condition::Paused | Condition::Dead);
        !paused && self.lease_lasts()
    }

    async fn told(&self) {
        self.owners.to_tell.notified().await;
    }

    fn came(&self) -> Vec<EndpointId> {
        self.owners.came()
    }

    fn leaving(&self) -> Vec<EndpointId> {
        let leaving = self.owners.leaving();
        if self.shared.has(Mutant::LetGoAtOnce) {
            leaving.iter().for_each(|each| self.owners.let_go(*each));
            return Vec::new();
        }
        leaving
    }

    fn let_go(&self, endpoint: EndpointId) {
        self.owners.let_go(endpoint);
    }

    fn tell_breaker(&self, endpoint: EndpointId, news: BreakerNews) {
        if self.gate.condition() == Condition::Well {
            self.shared.tell(self.id, News::Breaker(endpoint, news));
        }
    }
}

/// The network as a node reaches it: nothing goes out while it is paused or its lease is over.
struct Leased {
    member: Arc<Membership>,
    gate: Gate,
    network: Network,
}

#[async_trait]
impl Sender for Leased {
    async fn send(&self, request: OutboundRequest) -> Exchange {
        loop {
            self.gate.running().await;
            let endpoint = self.network.endpoint_at(&request.uri.to_string());
            let held = endpoint.is_some_and(|endpoint| self.member.believes(endpoint));
            if self.member.may_send() && !held {
                break;
            }
            tokio::time::sleep(AGAIN).await;
        }
        let exchange = self.network.send(self.member.id, request).await;
        self.gate.running().await;
        exchange
    }
}

/// A running node.
pub(super) struct Node {
    pub(super) member: Arc<Membership>,
    pub(super) gate: Gate,
    pub(super) fanfare: Arc<Fanfare>,
}

impl Node {
    /// Starts one, as the binary does.
    pub(super) async fn start(
        shared: &Arc<Shared>,
        network: &Network,
        options: &EngineOptions,
    ) -> Result<Self, StoreError> {
        let gate = Gate::new();
        let before = shared.clock();
        let (id, ear) = shared.join(&gate);
        let member = Arc::new(Membership {
            id,
            shared: Arc::clone(shared),
            owners: Owners::default(),
            lease: Lease::default(),
            delivering: RwLock::default(),
            changed: Notify::new(),
            gate: gate.clone(),
            open_elsewhere: RwLock::default(),
        });
        member.lease.renewed(before, DETECTION);
        let native = Arc::new(NativeFormat::new(DeliveryPolicy::native()));
        let directory = Arc::new(Directory::new(Formats::new(native, Vec::new())));
        let store = NodeStore {
            member: Arc::clone(&member),
            gate: gate.clone(),
            directory: Arc::clone(&directory),
        };
        let sender = Arc::new(Leased {
            member: Arc::clone(&member),
            gate: gate.clone(),
            network: network.clone(),
        });
        let clock = Arc::new(shared.chronicle.clock);
        let random = Arc::new(Seeded::new(shared.chance.next()));
        let engine = Arc::new(Engine::new(EngineParts {
            directory: Arc::clone(&directory),
            log: Arc::new(store.clone()),
            deliveries: Arc::new(store.clone()),
            coordination: Arc::<Membership>::clone(&member),
            sender: Arc::<Leased>::clone(&sender),
            clock: Arc::<fanfare_testkit::clock::VirtualClock>::clone(&clock),
            random: Arc::<Seeded>::clone(&random),
            options: options.clone(),
        }));
        let ports = Ports {
            configuration: Arc::new(store.clone()),
            log: Arc::new(store.clone()),
            deliveries: Arc::new(store.clone()),
            dispatch: Arc::<Engine>::clone(&engine),
            sender,
            clock,
            random,
        };
        let fanfare = Arc::new(Fanfare::new(ports, directory, Limits::default(), None));
        tokio::spawn(beat(Arc::clone(&member), gate.clone()));
        fanfare.refresh().await?;
        engine.start(&fanfare).await?;
        tokio::spawn(hand_over(Arc::clone(&member), gate.clone()));
        tokio::spawn(refresh(Arc::clone(&fanfare)));
        let (jobs, first) = (Arc::clone(&fanfare), Arc::clone(&member));
        tokio::spawn(async move { jobs.run_jobs_while(|| first.is_first()).await });
        tokio::spawn(take_over(
            store.clone(),
            Arc::clone(&fanfare),
            Arc::clone(&engine),
            ear,
        ));
        tokio::spawn(look_for_owned(store, engine));
        Ok(Self {
            member,
            gate,
            fanfare,
        })
    }

    pub(super) fn id(&self) -> NodeId {
        self.member.id
    }

    /// Whether it never does anything again.
    pub(super) fn is_dead(&self) -> bool {
        self.gate.condition() == Condition::Dead
    }
}

/// Renews the lease and watches the others; once it is declared gone, the node is dead.
async fn beat(member: Arc<Membership>, gate: Gate) {
    let mut watch = Watch::default();
    let lasts = match member.shared.has(Mutant::LongLease) {
        true => 3 * DETECTION,
        false => DETECTION,
    };
    loop {
        let before = member.shared.clock();
        if gate.store().await.is_ok() {
            if !member.shared.renew(member.id) {
                member.lease.end();
                gate.set(Condition::Dead);
                return;
            }
            gate.running().await;
            member.lease.renewed(before, lasts);
            let now = member.shared.clock();
            let looked = watch.look(member.id, &member.shared.nodes(), now, DETECTION);
            for id in looked.gone {
                member.shared.declare_gone(id);
            }
            if *member.delivering.read() != looked.delivering {
                *member.delivering.write() = looked.delivering;
                member.owners.review(|endpoint| member.favours(endpoint));
                member.changed.notify_one();
            }
        }
        tokio::time::sleep(DETECTION / BEATS).await;
    }
}

/// Writes what is let go of and asks for what is wanted.
async fn hand_over(member: Arc<Membership>, gate: Gate) {
    let (shared, owners) = (&member.shared, &member.owners);
    loop {
        let pending = owners.pending();
        if pending.is_empty() {
            owners.to_write.notified().await;
            continue;
        }
        if gate.store().await.is_ok() && shared.is_there(member.id) {
            shared.let_go(member.id, &pending.let_go);
            owners.have_gone(&pending.let_go);
            for endpoint in pending.let_go {
                shared.tell(member.id, News::Left((endpoint, None)));
            }
            let asked_at = shared.clock();
            let got = shared.ask_for(member.id, &pending.wanted);
            gate.running().await;
            owners.were_asked_for(&pending.wanted, &got, asked_at, |each| member.favours(each));
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn refresh(fanfare: Arc<Fanfare>) {
    loop {
        tokio::time::sleep(REFRESH).await;
        let _ = fanfare.refresh().await;
    }
}

/// Takes over what others left, and hears of what they leave and wish.
async fn take_over(store: NodeStore, fanfare: Arc<Fanfare>, engine: Arc<Engine>, ear: Arc<Ear>) {
    loop {
        for (endpoint, strand) in ear.take() {
            if store.member.owns(endpoint).is_some() {
                engine.left(endpoint, strand);
            } else {
                store.member.want(endpoint);
            }
        }
        for (endpoint, news) in ear.take_breakers() {
            store.member.hear(&engine, endpoint, news);
        }
        if fanfare.grant_wishes().await.is_ok()
            && let Ok(due) = store.take_over().await
        {
            for endpoint in due {
                engine.left(endpoint, None);
            }
        }
        let _ = tokio::time::timeout(LOOK, ear.heard.notified()).await;
    }
}

/// What waits for endpoints that this node serves alone, or should.
async fn look_for_owned(store: NodeStore, engine: Arc<Engine>) {
    loop {
        if let Ok(owned) = store.owned().await {
            for lane in owned {
                engine.left(lane.endpoint, None);
            }
        }
        let changed = store.member.changed.notified();
        let _ = tokio::time::timeout(DETECTION, changed).await;
    }
}
