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
//!
//! # Owners
//!
//! An endpoint with an order or a rate has one owner, which the table `fanfare.owners` names. Its deliveries
//! wait in the name of whoever that is ([`OWNERS`]), so that nobody who writes them need know. All nodes that
//! know the same members agree on who *should* own it (rendezvous hashing). When that changes, nothing is
//! taken from a node that is there: the owner sees by itself that it should not be one any more, begins
//! nothing, waits until what is under way has ended and is recorded, and gives the endpoint back. Only then,
//! or when the owner is gone, another takes it. Until then the endpoint waits, and no view of the members can
//! make two of them send.
//!
//! In what order its deliveries go is settled at their acceptance: their rows are written in the commit that
//! accepts their events, by whichever node, and an owner reads them up to the last position behind which no
//! commit is under way. So it has nothing to learn of what another node accepted, be that alive or not.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanfare_app::nodes::{BEATS, Lease, Owners, favourite};
use fanfare_app::port::StoreError;
use fanfare_app::port::coordination::{BreakerNews, Coordination, Owned};
use fanfare_domain::id::EndpointId;
use parking_lot::RwLock;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio_postgres::types::Type;

use crate::address::Address;
use crate::failure::Failure;
use crate::hints::Hints;
use crate::options::Options;
use crate::session::Session;
use crate::store::OpenError;

mod places;
mod process;
mod watcher;

pub(crate) use places::{OWNERS, Places};
use process::Process;
use watcher::Watcher;
pub(crate) use watcher::declare_gone;

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

/// What a store has to know of endpoints to tell whose their deliveries are, and when they are due.
pub trait Placement: Send + Sync + 'static {
    /// Whether this one may be served by one node at a time only: it has an order or a rate.
    fn one_at_a_time(&self, endpoint: EndpointId) -> bool;

    /// The wait before the first attempt of an event of this type, by the name that is stored with it.
    fn first_wait(&self, _endpoint: EndpointId, _event_type: &str) -> Duration {
        Duration::ZERO
    }
}

/// This node among the others.
pub struct Member {
    id: i64,
    delivers: bool,
    detection: Duration,
    lease: Lease,
    /// Nodes that deliver, this one among them if it does; in order.
    delivering: RwLock<Vec<i64>>,
    owners: Owners,
    /// Told when others deliver than before.
    members_changed: Notify,
    pub(crate) hints: Arc<Hints>,
    lost: watch::Sender<bool>,
}

/// The time since the machine started, its sleep included.
pub(crate) fn clock() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or(0),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    )
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
        let id = row.try_get(0).map_err(Failure::from)?;
        let member = Arc::new(Self {
            id,
            delivers: options.delivers,
            detection: options.detection,
            lease: Lease::default(),
            delivering: RwLock::default(),
            owners: Owners::default(),
            members_changed: Notify::new(),
            hints: Arc::new(Hints::of(id)),
            lost: watch::Sender::new(false),
        });
        member.renewed(before);
        tracing::info!(node.id = member.id, node.name = %options.name, "joined");
        let mut watcher = Watcher::new(&member, direct, session_options, own);
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

    /// How long others wait before they take a silent node for gone.
    #[must_use]
    pub fn detection(&self) -> Duration {
        self.detection
    }

    /// Whether it may act now.
    #[must_use]
    pub fn may_act(&self) -> bool {
        self.lease.lasts(clock())
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

    /// Which node should own an endpoint, see [`favourite`]; 0 where none delivers.
    #[must_use]
    pub fn favourite(&self, endpoint: EndpointId) -> i64 {
        let best = favourite(endpoint, &self.delivering.read());
        best.unwrap_or(if self.delivers { self.id } else { 0 })
    }

    /// Waits until others deliver than before.
    pub async fn members_change(&self) {
        self.members_changed.notified().await;
    }

    /// Whether it is the first of those that deliver, for work that one does for all.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.may_act() && self.delivering.read().first() == Some(&self.id)
    }

    pub(crate) fn owners(&self) -> &Owners {
        &self.owners
    }

    /// Something waits for an endpoint that one node serves at a time: wants to be its owner, if it should be.
    pub(crate) fn want(&self, endpoint: EndpointId) {
        if self.favourite(endpoint) == self.id {
            self.owners.want(endpoint);
        }
    }

    /// Those that deliver are these now; answers whether they were others before.
    fn delivering_are(&self, delivering: Vec<i64>) -> bool {
        if *self.delivering.read() == delivering {
            return false;
        }
        *self.delivering.write() = delivering;
        self.owners
            .review(|endpoint| self.favourite(endpoint) == self.id);
        true
    }

    fn beat(&self) -> Duration {
        self.detection / BEATS
    }

    fn renewed(&self, before: Duration) {
        self.lease.renewed(before, self.detection);
    }
}

#[async_trait]
impl Coordination for Member {
    fn owns(&self, endpoint: EndpointId) -> Option<Owned> {
        self.owners.owns(endpoint, clock())
    }

    fn may_send(&self) -> bool {
        self.may_act()
    }

    async fn told(&self) {
        self.owners.to_tell.notified().await;
    }

    fn came(&self) -> Vec<EndpointId> {
        self.owners.came()
    }

    fn leaving(&self) -> Vec<EndpointId> {
        self.owners.leaving()
    }

    fn let_go(&self, endpoint: EndpointId) {
        self.owners.let_go(endpoint);
    }

    fn tell_breaker(&self, endpoint: EndpointId, news: BreakerNews) {
        self.hints.breaker_changed(endpoint, news);
    }
}
