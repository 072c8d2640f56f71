//! The engine: takes accepted events to their endpoints.
//!
//! # How it works
//!
//! Each endpoint with work has a *lane*: a queue in memory, a limit on requests at a time, and the
//! time at which the store holds something due for it. A published event goes straight from the
//! commit into its lanes; nothing is read from the store on that way. What does not fit into a
//! lane's memory is *parked*: it gets a waiting row in the store, and the lane reads it back when it
//! has room. Retries live in the store only. What stands in an order, or goes in batches, goes through the
//! store altogether (`order.rs`, `batch.rs`).
//!
//! Outcomes are settled many in one commit. Only after that does the lane learn of the next due time, so
//! what a lane reads from the store is never older than what it knows.
//!
//! The *tracker* knows which deliveries have no row yet. What is on its way for longer than a moment
//! gets one, so that lists show it and the next start has little to compare.
//!
//! # What it does not guarantee
//!
//! Wake-ups ([`Dispatch::due`], timers, hand-ons) are hints. The scan finds the same work from the
//! store, and from the log what was appended and never handed on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use fanfare_app::Fanfare;
use fanfare_app::directory::{Directory, Target};
use fanfare_app::fault::{Fault, planted};
use fanfare_app::notices::Notice;
use fanfare_app::port::coordination::BreakerNews;
use fanfare_app::port::dispatch::{Health, Withheld};
use fanfare_app::port::log::{Event, Position};
use fanfare_app::port::{
    Clock, Coordination, Deliveries, Dispatch, Log, Random, Sender, StoreError,
};
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::EndpointId;
use fanfare_domain::order::Strand;
use fanfare_domain::time::Timestamp;
use tokio::sync::{Notify, Semaphore, mpsc};

mod batch;
mod conclude;
mod discard;
mod expire;
mod extra;
mod footprint;
mod handover;
mod health;
mod held;
mod intake;
mod job;
mod lane;
mod lanes;
mod limit;
mod lines;
mod meters;
mod order;
mod park;
mod recover;
mod refill;
mod scan;
mod settle;
mod slots;
mod timer;
mod tracker;
mod withhold;
mod worker;

pub use footprint::Footprint;
use health::HealthBook;
use job::Budget;
use lanes::Lanes;
use meters::Meters;
use park::Parked;
use settle::Outcome;
use slots::Slots;
use timer::Timer;
use tracker::Tracker;

/// What the operator sets for the engine.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Deliveries that a lane keeps in memory; more wait in the store.
    pub lane_queue: usize,
    /// Requests at a time that a lane begins with.
    pub lane_concurrency_start: usize,
    /// The most requests at a time of a lane.
    pub lane_concurrency_most: usize,
    /// The most requests at a time of all lanes together.
    pub requests_in_all: usize,
    /// How many of those are for first attempts of endpoints that answer, and for nothing else.
    pub requests_reserved: usize,
    /// Bytes of payloads in memory over all lanes; past it, deliveries wait in the store.
    pub memory_bytes: usize,
    /// How long a delivery may be on its way without a row in the store.
    pub linger: Duration,
    /// How often the store is scanned for work that nobody told of.
    pub scan_every: Duration,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            lane_queue: 256,
            lane_concurrency_start: 8,
            lane_concurrency_most: 64,
            requests_in_all: 2_048,
            requests_reserved: 512,
            memory_bytes: 64 * 1024 * 1024,
            linger: Duration::from_secs(1),
            scan_every: Duration::from_secs(10),
        }
    }
}

/// What the engine is given.
pub struct EngineParts {
    /// The configuration in memory.
    pub directory: Arc<Directory>,
    /// The log part of the store.
    pub log: Arc<dyn Log>,
    /// The deliveries part of the store.
    pub deliveries: Arc<dyn Deliveries>,
    /// Who serves which endpoint.
    pub coordination: Arc<dyn Coordination>,
    /// The network.
    pub sender: Arc<dyn Sender>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub random: Arc<dyn Random>,
    /// What the operator sets.
    pub options: EngineOptions,
}

/// Outcomes that wait to be settled, and as many deliveries of batches; past it, workers wait with theirs
/// and send nothing new.
const OUTCOMES: usize = 4_096;
/// Lanes that read from the store at a time.
const REFILLS: usize = 4;

/// Takes accepted events to their endpoints.
pub struct Engine {
    shared: Arc<Shared>,
    outcomes: parking_lot::Mutex<Option<mpsc::Receiver<Outcome>>>,
}

struct Shared {
    parts: EngineParts,
    lanes: Lanes,
    slots: Slots,
    health: HealthBook,
    /// When the engine was put together: what rates allow counts from then.
    began: Timestamp,
    tracker: parking_lot::Mutex<Tracker>,
    timer: Timer,
    budget: Arc<Budget>,
    gap_waiters: order::GapWaiters,
    settle: mpsc::Sender<Outcome>,
    /// For the deliveries of batches that wait to be settled.
    room_to_settle: Arc<Semaphore>,
    refills: Semaphore,
    /// For wishes of extra attempts that can't be granted at once.
    wishes: Semaphore,
    meters: Meters,
    parked: Parked,
    /// Told when something was parked, and when there is room for what was left in the log.
    told_parked: Arc<Notify>,
    /// For what only the use cases can do: disabling an endpoint, telling of changes.
    fanfare: OnceLock<Weak<Fanfare>>,
    stopping: AtomicBool,
    /// Whether something was settled that a power failure could still take back.
    unsynced: AtomicBool,
    /// Told when a worker ends while stopping.
    idle: Notify,
    /// Told when the settler has nothing left while stopping.
    settled: Notify,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("options", &self.shared.parts.options)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Puts the engine together; [`Engine::start`] sets it going.
    #[must_use]
    pub fn new(parts: EngineParts) -> Self {
        let (settle, outcomes) = mpsc::channel(OUTCOMES);
        let told_parked = Arc::new(Notify::new());
        let room = Arc::clone(&told_parked);
        let shared = Shared {
            lanes: Lanes::default(),
            slots: Slots::new(
                parts.options.requests_in_all,
                parts.options.requests_reserved,
            ),
            health: HealthBook::default(),
            began: parts.clock.now(),
            tracker: parking_lot::Mutex::default(),
            timer: Timer::default(),
            gap_waiters: order::GapWaiters::default(),
            budget: Arc::new(Budget::new(parts.options.memory_bytes, room)),
            settle,
            room_to_settle: Arc::new(Semaphore::new(OUTCOMES)),
            refills: Semaphore::new(REFILLS),
            wishes: Semaphore::new(extra::MOST_KEPT),
            meters: Meters::new(),
            parked: Parked::default(),
            told_parked,
            fanfare: OnceLock::new(),
            stopping: AtomicBool::new(false),
            unsynced: AtomicBool::new(false),
            idle: Notify::new(),
            settled: Notify::new(),
            parts,
        };
        Self {
            shared: Arc::new(shared),
            outcomes: parking_lot::Mutex::new(Some(outcomes)),
        }
    }

    /// Takes up what earlier runs left unfinished, then sets the engine going.
    ///
    /// Nothing may be published before it has answered.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn start(&self, fanfare: &Arc<Fanfare>) -> Result<(), StoreError> {
        let _ = self.shared.fanfare.set(Arc::downgrade(fanfare));
        let Some(outcomes) = self.outcomes.lock().take() else {
            return Ok(());
        };
        tokio::spawn(settle::run(Arc::clone(&self.shared), outcomes));
        tokio::spawn(timer::run(Arc::clone(&self.shared)));
        recover::run(&self.shared).await?;
        // Not before: what the recovery has not come to yet would look like a gap in the log.
        tokio::spawn(park::run(Arc::clone(&self.shared)));
        scan::lanes(&self.shared).await?;
        tokio::spawn(scan::run(Arc::clone(&self.shared)));
        tokio::spawn(handover::run(Arc::clone(&self.shared)));
        Ok(())
    }

    /// Lets requests under way end within `limit`, and settles them. What has not ended then is
    /// attempted again after the next start.
    pub async fn shutdown(&self, limit: Duration) {
        let shared = &self.shared;
        shared.stopping.store(true, Ordering::SeqCst);
        let quiet = async {
            loop {
                let ended = shared.idle.notified();
                if shared.meters.in_flight() == 0 {
                    break;
                }
                ended.await;
            }
        };
        if tokio::time::timeout(limit, quiet).await.is_err() {
            tracing::warn!(
                in_flight = shared.meters.in_flight(),
                "requests were under way at the end of the shutdown time; they will be sent again"
            );
        }
        // The store may be gone, and outcomes fill the queue; then the next start compares the log
        // with the rows.
        let last_words = async {
            let settled = shared.settled.notified();
            if shared.settle.send(Outcome::Stop).await.is_ok() {
                settled.await;
            }
        };
        if tokio::time::timeout(limit, last_words).await.is_err() {
            tracing::warn!(
                "the store did not take all outcomes within the shutdown time; what they are of will be sent again"
            );
        }
    }
}

impl Dispatch for Engine {
    fn hand_on(&self, event: Arc<Event>, position: Position, targets: Vec<Option<Arc<Target>>>) {
        intake::hand_on(&self.shared, event, position, &targets);
    }

    fn due(&self, endpoint: EndpointId, at: Timestamp) {
        self.shared.schedule(endpoint, at);
    }

    fn left(&self, endpoint: EndpointId, strand: Option<Strand>) {
        match strand {
            Some(strand) => order::look(&self.shared, endpoint, strand),
            None => order::find(&self.shared, endpoint),
        }
    }

    fn extra(&self, delivery: Delivery) {
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            let (endpoint, id) = (delivery.endpoint, delivery.id);
            if let Err(cause) = extra::make(&shared, delivery).await {
                tracing::warn!(%endpoint, delivery = %id, error = %cause, "an extra attempt could not be made");
            }
        });
    }

    fn withhold(&self, deliveries: &[Delivery]) -> Box<dyn Withheld> {
        Box::new(withhold::Hold::of(&self.shared, deliveries))
    }

    fn changed(&self, endpoint: EndpointId) {
        health::changed(&self.shared, endpoint);
        // What held it back may be gone.
        if let Some(lane) = self.shared.lanes.find(endpoint)
            && lane.has_queued()
        {
            let now = self.shared.parts.clock.now();
            self.shared.timer.set(now, endpoint);
        }
        order::place::if_changed(&self.shared, endpoint);
        batch::if_changed(&self.shared, endpoint);
        discard::if_unwanted(&self.shared, endpoint);
    }

    fn moves_on(&self, endpoint: EndpointId, strand: Strand) {
        order::look(&self.shared, endpoint, strand);
    }

    fn breaker_elsewhere(&self, endpoint: EndpointId, news: BreakerNews) {
        health::elsewhere::hear(&self.shared, endpoint, news);
    }

    fn health(&self, endpoint: EndpointId) -> Health {
        let now = self.shared.parts.clock.now();
        self.shared.health.of(endpoint, now)
    }
}

impl Shared {
    /// Something of this endpoint is due in the store then.
    fn schedule(self: &Arc<Self>, endpoint: EndpointId, at: Timestamp) {
        let lane = self.lanes.get(endpoint, &self.health);
        if lane.due_in_store(at) {
            self.timer.set(at, endpoint);
        }
    }

    /// Requests at a time that a lane begins with.
    fn start_limit(&self) -> usize {
        if self.slots.are_getting_short() {
            1
        } else {
            self.parts.options.lane_concurrency_start
        }
    }

    /// Whether more events may come into memory.
    fn has_room(&self) -> bool {
        self.budget.has_room() && self.parked.has_room() || planted(Fault::IgnoreRoom)
    }

    /// Tells the operator of a change of state, after it was committed. Never waits.
    fn tell(&self, notice: impl FnOnce() -> Notice) {
        if let Some(fanfare) = self.fanfare.get().and_then(Weak::upgrade) {
            fanfare.tell(notice());
        }
    }

    fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}
