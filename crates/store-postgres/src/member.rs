//! Nodes: who is there, and until when this one may act.
//!
//! Each start joins under a new id, which is its epoch: once a node is declared gone, the server refuses
//! what it writes, and others take over its work, see [`crate::takeover`].
//!
//! # The lease
//!
//! A node renews its *beat* a few times in each period. It may send for as long as its *lease* lasts,
//! counted by its own clock from before the last renewal that went through was sent; the clock goes on
//! while the machine sleeps (`CLOCK_BOOTTIME`). Others watch its beat, each by its own clock, and declare
//! it gone when they have seen the same beat for the whole *detection time*, which is longer than the
//! lease by a margin. What they saw was sent before they saw it, so the lease has ended by then: no two
//! clocks are ever compared.
//!
//! Who could not look for a while (cut off itself, or paused, or the server was away) has not watched,
//! and begins anew: after an outage of the server, everybody renews before anybody is declared gone.
//!
//! A node on the same machine need not be watched for long to see that its process has ended.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fanfare_app::port::StoreError;
use fanfare_app::port::coordination::{Coordination, Epoch};
use fanfare_domain::id::EndpointId;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio_postgres::types::Type;

use crate::address::Address;
use crate::failure::Failure;
use crate::hints::Hints;
use crate::options::Options;
use crate::session::Session;
use crate::store::OpenError;

/// How a node joins.
#[derive(Clone, Debug)]
pub struct JoinOptions {
    /// Its name in logs; need not be unique.
    pub name: String,
    /// Whether it sends deliveries.
    pub delivers: bool,
    /// How long others wait before they take a silent node for gone.
    pub detection: Duration,
}

/// Which endpoints may be served by one node at a time only.
pub trait Placement: Send + Sync + 'static {
    /// Whether this one has an order or a rate.
    fn one_at_a_time(&self, endpoint: EndpointId) -> bool;
}

/// This node among the others.
pub struct Member {
    id: i64,
    delivers: bool,
    detection: Duration,
    /// Nanoseconds of the clock.
    lease_ends: AtomicU64,
    /// Nodes that deliver, this one among them if it does; in order.
    delivering: RwLock<Vec<i64>>,
    lost: watch::Sender<bool>,
}

/// The time since the machine started, its sleep included.
fn clock() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or(0),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    )
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A process, so that another on the same machine can see whether it is there.
#[derive(Clone, PartialEq, Eq)]
struct Process {
    machine: String,
    pid: i32,
    started: String,
}

impl Process {
    fn own() -> Self {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let space = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        let pid = i32::try_from(std::process::id()).unwrap_or(0);
        Self {
            machine: format!("{} {}", boot.trim(), space.display()),
            pid,
            started: started(pid).unwrap_or_default(),
        }
    }

    /// Whether it is on the machine of `own`, and has ended.
    fn has_ended(&self, own: &Self) -> bool {
        let known = !self.started.is_empty() && !own.started.is_empty();
        known && self.machine == own.machine && started(self.pid).as_deref() != Some(&*self.started)
    }
}

/// When a process was started, in its machine's own measure; none where there is none.
fn started(pid: i32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in brackets, may hold anything; the start is the 20th word behind it.
    let (_, behind) = stat.rsplit_once(')')?;
    behind.split_whitespace().nth(19).map(str::to_owned)
}

impl Member {
    /// Joins. The lease is renewed until the handle is aborted or the node is lost.
    ///
    /// # Errors
    /// When the server can't be reached, or refuses.
    pub async fn join(
        direct: &Address,
        options: JoinOptions,
    ) -> Result<(Arc<Self>, AbortHandle), OpenError> {
        let session_options = Options {
            statement_time: options.detection / 2,
            connect_time: options.detection / 2,
            ..Options::default()
        };
        let session = Session::connect(direct, &session_options).await?;
        let own = Process::own();
        let before = clock();
        let row = session
            .row(
                "INSERT INTO fanfare.nodes (name, machine, pid, started, delivers)
                VALUES ($1, $2, $3, $4, $5) RETURNING id",
                &[
                    (&options.name, Type::TEXT),
                    (&own.machine, Type::TEXT),
                    (&own.pid, Type::INT4),
                    (&own.started, Type::TEXT),
                    (&options.delivers, Type::BOOL),
                ],
            )
            .await?;
        let Some(row) = row else {
            return Err(Failure::from(StoreError::unavailable("no node's id was given")).into());
        };
        let member = Arc::new(Self {
            id: row.try_get(0).map_err(Failure::from)?,
            delivers: options.delivers,
            detection: options.detection,
            lease_ends: AtomicU64::new(0),
            delivering: RwLock::default(),
            lost: watch::Sender::new(false),
        });
        member.renewed(before);
        tracing::info!(node.id = member.id, node.name = %options.name, "joined");
        let mut watcher = Watcher {
            member: Arc::clone(&member),
            direct: direct.clone(),
            options: session_options,
            own,
            seen: HashMap::new(),
            looked: None,
            declaring: Arc::default(),
        };
        // Whoever ended on this machine is seen at once.
        watcher.look(&session).await?;
        let renewing = tokio::spawn(watcher.run(Some(session))).abort_handle();
        Ok((member, renewing))
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> i64 {
        self.id
    }

    /// Whether it may act now.
    #[must_use]
    pub fn may_act(&self) -> bool {
        nanoseconds(clock()) < self.lease_ends.load(Ordering::Relaxed)
    }

    /// Waits until it may act.
    pub async fn until_it_may_act(&self) {
        while !self.may_act() {
            tokio::time::sleep(self.beat() / 10).await;
        }
    }

    /// Waits until others have declared it gone: it may never act again.
    pub async fn lost(&self) {
        let mut lost = self.lost.subscribe();
        // The sender is this member's own.
        let _ = lost.wait_for(|lost| *lost).await;
    }

    /// Which node serves an endpoint that one serves at a time: the one that the endpoint's and its own
    /// id give the highest number, so that few endpoints move when a node comes or goes.
    #[must_use]
    pub fn owner(&self, endpoint: EndpointId) -> i64 {
        let weight = |node: i64| {
            // SplitMix64: every bit of both counts for every bit of the number.
            let bits = endpoint.bits();
            let mut mixed = (bits as u64) ^ ((bits >> 64) as u64).rotate_left(32);
            mixed ^= node.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15);
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            mixed ^ (mixed >> 31)
        };
        let delivering = self.delivering.read();
        let best = delivering.iter().copied().max_by_key(|node| weight(*node));
        best.unwrap_or(if self.delivers { self.id } else { 0 })
    }

    /// Whether it is the first of those that deliver, for work that one does for all.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.may_act() && self.delivering.read().first() == Some(&self.id)
    }

    fn beat(&self) -> Duration {
        self.detection / 10
    }

    fn renewed(&self, before: Duration) {
        let ends = before + self.detection.mul_f64(0.7);
        self.lease_ends.store(nanoseconds(ends), Ordering::Relaxed);
    }
}

impl Coordination for Member {
    fn owns(&self, endpoint: EndpointId) -> Option<Epoch> {
        (self.owner(endpoint) == self.id).then(|| self.id.unsigned_abs())
    }
}

/// Renews, and watches the others.
struct Watcher {
    member: Arc<Member>,
    direct: Address,
    options: Options,
    own: Process,
    /// The beat of each other node, and since when it was the same.
    seen: HashMap<i64, (i64, Duration)>,
    /// When all were looked at the last time.
    looked: Option<Duration>,
    /// Nodes that are being declared gone.
    declaring: Arc<Mutex<HashSet<i64>>>,
}

impl Watcher {
    async fn run(mut self, mut session: Option<Session>) {
        let mut beats = tokio::time::interval(self.member.beat());
        beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            beats.tick().await;
            match self.beat(&mut session).await {
                Ok(true) => failing = false,
                Ok(false) => {
                    tracing::error!(
                        node.id = self.member.id,
                        "this node was declared gone, and others do its work"
                    );
                    self.member.lease_ends.store(0, Ordering::Relaxed);
                    self.member.lost.send_replace(true);
                    return;
                }
                Err(failure) => {
                    session = None;
                    if !failing {
                        failing = true;
                        let error = StoreError::from(failure);
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "the lease can't be renewed"
                        );
                    }
                }
            }
        }
    }

    /// Renews and looks; false once the node is gone.
    async fn beat(&mut self, session: &mut Option<Session>) -> Result<bool, Failure> {
        let session = match session {
            Some(session) if session.usable() => session,
            _ => session.insert(Session::connect(&self.direct, &self.options).await?),
        };
        let before = clock();
        let renewed = session
            .run(
                "UPDATE fanfare.nodes SET beat = beat + 1 WHERE id = $1 AND gone_at IS NULL",
                &[(&self.member.id, Type::INT8)],
            )
            .await?;
        if renewed == 0 {
            return Ok(false);
        }
        self.member.renewed(before);
        self.look(session).await?;
        Ok(true)
    }

    async fn look(&mut self, session: &Session) -> Result<(), Failure> {
        let rows = session
            .rows(
                "SELECT id, beat, delivers, machine, pid, started FROM fanfare.nodes
                WHERE gone_at IS NULL ORDER BY id",
                &[],
            )
            .await?;
        let now = clock();
        // Who has not looked for a while has not watched.
        let watched = (self.looked).is_some_and(|looked| now - looked < 3 * self.member.beat());
        self.looked = Some(now);
        if !watched {
            self.seen.clear();
        }
        let mut delivering = Vec::new();
        let mut seen = HashMap::new();
        for row in rows {
            let (id, beat, delivers): (i64, i64, bool) =
                (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            let process = Process {
                machine: row.try_get(3)?,
                pid: row.try_get(4)?,
                started: row.try_get(5)?,
            };
            if id != self.member.id {
                let since = match self.seen.get(&id) {
                    Some((before, since)) if *before == beat => *since,
                    _ => now,
                };
                seen.insert(id, (beat, since));
                if process.has_ended(&self.own) || now - since > self.member.detection {
                    self.declare_gone(id);
                    continue;
                }
            }
            if delivers {
                delivering.push(id);
            }
        }
        self.seen = seen;
        *self.member.delivering.write() = delivering;
        Ok(())
    }
}

impl Watcher {
    /// Beside the beats: it waits for what the node has sent already.
    fn declare_gone(&self, id: i64) {
        if !self.declaring.lock().insert(id) {
            return;
        }
        let (direct, options) = (self.direct.clone(), self.options.clone());
        let declaring = Arc::clone(&self.declaring);
        tokio::spawn(async move {
            let declared = async {
                let session = Session::connect(&direct, &options).await?;
                declare_gone(&session, id).await
            };
            if let Err(failure) = declared.await {
                let error = StoreError::from(failure);
                tracing::warn!(
                    node.id = id,
                    error = &error as &dyn std::error::Error,
                    "a node that is gone can't be declared so yet"
                );
            }
            declaring.lock().remove(&id);
        });
    }
}

/// Declares a node gone, when it writes nothing any more.
pub(crate) async fn declare_gone(session: &Session, id: i64) -> Result<(), Failure> {
    let row = session
        .row("SELECT fanfare.declare_gone($1)", &[(&id, Type::INT8)])
        .await?;
    if row.map_or(Ok(false), |row| row.try_get(0))? {
        tracing::warn!(node.id = id, "a node is gone; its work is taken over");
    }
    Ok(())
}

/// Whose the rows are that this node writes.
pub(crate) struct Places {
    /// This node; 0 where there is but one.
    pub(crate) node: i64,
    member: Option<Arc<Member>>,
    placement: OnceLock<Arc<dyn Placement>>,
    pub(crate) hints: Arc<Hints>,
}

impl Places {
    pub(crate) fn new(member: Option<Arc<Member>>, hints: Arc<Hints>) -> Self {
        Self {
            node: member.as_ref().map_or(0, |member| member.id),
            member,
            placement: OnceLock::new(),
            hints,
        }
    }

    /// Tells endpoints apart from now on.
    pub(crate) fn place_by(&self, placement: Arc<dyn Placement>) {
        // A second one is refused: there is one configuration.
        let _ = self.placement.set(placement);
    }

    /// Who attempts a delivery that waits for this endpoint from now on.
    pub(crate) fn of(&self, endpoint: EndpointId) -> i64 {
        let Some(member) = &self.member else {
            return self.node;
        };
        let one = self.placement.get();
        if one.is_some_and(|placement| placement.one_at_a_time(endpoint)) {
            let owner = member.owner(endpoint);
            if owner != self.node {
                self.hints.is_due(endpoint);
            }
            return owner;
        }
        if member.delivers {
            return self.node;
        }
        self.hints.work_is_left();
        0
    }

    /// Lets a transaction fail unless this node is there; called at its begin.
    pub(crate) async fn be_present(&self, session: &Session) -> Result<(), Failure> {
        if self.node == 0 {
            return Ok(());
        }
        let detection = self.member.as_ref().map(|member| member.detection);
        let idle = detection.unwrap_or_default().as_millis() / 2;
        session
            .run(
                "SELECT fanfare.be_present($1, $2)",
                &[
                    (&self.node, Type::INT8),
                    (&i32::try_from(idle).unwrap_or(i32::MAX), Type::INT4),
                ],
            )
            .await
            .map(drop)
    }

    /// Whether events that this node accepts are left to others.
    pub(crate) fn leaves_work(&self) -> bool {
        self.member.as_ref().is_some_and(|member| !member.delivers)
    }
}
