//! A store as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fanfare_app::port::coordination::BreakerNews;
use fanfare_app::port::deliveries::WaitingLane;
use fanfare_app::port::{CommitObserver, Configuration, Deliveries, Log, StoreError};
use fanfare_domain::id::EndpointId;
use fanfare_domain::order::Strand;
use fanfare_domain::time::Timestamp;
use tokio::task::AbortHandle;

use crate::address::Address;
use crate::configuration::PostgresConfiguration;
use crate::deliveries::PostgresDeliveries;
use crate::failure::Failure;
use crate::handover;
use crate::hints::{self, Hints};
use crate::log::PostgresLog;
use crate::member::{Member, Placement, Places};
use crate::migration::{self, Migrated};
use crate::options::Options;
use crate::partition::Partitions;
use crate::pool::Pool;
use crate::scopes::Scopes;
use crate::session::Session;
use crate::takeover;

pub(crate) type Observer = Arc<OnceLock<Arc<dyn CommitObserver>>>;

/// Why a store can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The server can't be reached, lets nobody in, or fails.
    #[error("PostgreSQL can't be used")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server is too old.
    #[error("the server is PostgreSQL {major}, and Fanfare needs 15 or later")]
    Server {
        /// The server's major version.
        major: i32,
    },
    /// A later release changed the schema so that this one can't use it.
    #[error("the store has schema version {found}, and this release knows versions up to {known}")]
    Newer {
        /// The version that it has.
        found: u32,
        /// The latest that this release knows.
        known: u32,
    },
    /// A move into it was not finished.
    #[error(
        "it is the unfinished target of a move; run the same `fanfare move` again, or remove it with \
        DROP SCHEMA fanfare CASCADE"
    )]
    Unfinished,
    /// There is no store in that database.
    #[error("there is no store in this database; `fanfare serve` or `fanfare migrate` makes one")]
    NoStore,
}

impl From<Failure> for OpenError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Sql(error) => Self::Unavailable(error.into()),
            other => match StoreError::from(other) {
                StoreError::Unavailable(source) => Self::Unavailable(source),
                other => Self::Unavailable(other.into()),
            },
        }
    }
}

/// What the parts share.
#[derive(Clone)]
pub(crate) struct Database {
    pub(crate) pool: Pool,
    pub(crate) scopes: Arc<Scopes>,
    pub(crate) partitions: Arc<Partitions>,
    /// Whose the rows are that this node writes.
    pub(crate) places: Arc<Places>,
    /// For what needs a session of its own.
    pub(crate) direct: Address,
    pub(crate) options: Options,
}

/// Where a store is: the address for the work, which may lead through a pooler, and one that leads to
/// the server itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// For the work.
    pub work: Address,
    /// For migrating, making partitions and listening.
    pub direct: Address,
}

/// A store, open.
pub struct PostgresStore {
    configuration: Arc<PostgresConfiguration>,
    log: Arc<PostgresLog>,
    deliveries: Arc<PostgresDeliveries>,
    database: Database,
    observer: Observer,
    background: Vec<AbortHandle>,
}

impl PostgresStore {
    /// Opens a store for the only one who uses it: makes it where there is none, and brings its schema up
    /// to date.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(addresses: &Addresses, options: &Options) -> Result<Self, OpenError> {
        migrate(&addresses.direct).await?;
        Self::open_as_it_is(addresses, options).await
    }

    /// Opens a store that is there, as it is.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open_as_it_is(
        addresses: &Addresses,
        options: &Options,
    ) -> Result<Self, OpenError> {
        Self::open_as(addresses, options, None).await
    }

    /// The same, as one of the nodes that share it: shows of what waits, and of the log after a position,
    /// what is this node's.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open_as(
        addresses: &Addresses,
        options: &Options,
        member: Option<Arc<Member>>,
    ) -> Result<Self, OpenError> {
        let own = member.as_ref().map(|member| Arc::clone(&member.hints));
        let hints: Arc<Hints> = own.unwrap_or_default();
        let database = Database {
            pool: Pool::new(addresses.work.clone(), options.clone()),
            scopes: Arc::default(),
            partitions: Arc::new(Partitions::new(addresses.direct.clone(), options.clone())),
            direct: addresses.direct.clone(),
            places: Arc::new(Places::new(member, Arc::clone(&hints))),
            options: options.clone(),
        };
        let session = database.pool.lease().await?;
        migration::must_be_a_store(&session).await?;
        drop(session);
        let mut background = vec![tokio::spawn(upkeep(database.clone())).abort_handle()];
        let telling = hints::tell(Arc::clone(&hints), database.pool.clone());
        background.push(tokio::spawn(telling).abort_handle());
        if database.places.node != 0 {
            let direct = addresses.direct.clone();
            let listening = hints::listen(hints, direct, options.clone());
            background.push(tokio::spawn(listening).abort_handle());
            let handing_over = handover::run(database.clone());
            background.push(tokio::spawn(handing_over).abort_handle());
        }
        let observer = Observer::default();
        Ok(Self {
            configuration: Arc::new(PostgresConfiguration::new(database.clone())),
            log: Arc::new(PostgresLog::new(&database, &addresses.work, &observer)),
            deliveries: Arc::new(PostgresDeliveries::new(
                &database,
                &addresses.work,
                &observer,
            )),
            database,
            observer,
            background,
        })
    }

    /// Tells endpoints apart from now on that one node serves at a time. The first one stays.
    pub fn place_by(&self, placement: Arc<dyn Placement>) {
        self.database.places.place_by(placement);
    }

    /// Takes over some of the work of nodes that do not deliver it, or not any more. Answers when something
    /// is due now for an endpoint that this node serves, and whether there may be more to take over.
    ///
    /// # Errors
    /// When the server fails.
    pub async fn take_over(&self) -> Result<(BTreeMap<EndpointId, Timestamp>, bool), StoreError> {
        Ok(takeover::step(&self.database).await?)
    }

    /// Waits until another node says that it left work.
    pub async fn told_of_work(&self) {
        self.database.places.hints.heard_work.notified().await;
    }

    /// Endpoints of this node for which others left something since the last time, and the strand in which,
    /// where they said so.
    #[must_use]
    pub fn told_of_endpoints(&self) -> BTreeSet<(EndpointId, Option<Strand>)> {
        let places = &self.database.places;
        let mut told = places.hints.take_due();
        told.retain(|(endpoint, _)| {
            let owns = places.owns(*endpoint);
            if !owns && let Some(member) = places.member() {
                member.want(*endpoint);
            }
            owns
        });
        told
    }

    /// What others said of their breakers since the last time.
    #[must_use]
    pub fn told_of_breakers(&self) -> BTreeMap<EndpointId, BreakerNews> {
        self.database.places.hints.take_breakers()
    }

    /// What waits for endpoints of this node, of those that one node serves at a time, and when. Others that
    /// should be this node's are asked for.
    ///
    /// # Errors
    /// When the server fails.
    pub async fn look_for_owned(&self) -> Result<Vec<WaitingLane>, StoreError> {
        Ok(takeover::owned(&self.database).await?)
    }

    /// Waits until another node says that it changed the configuration.
    pub async fn told_of_changes(&self) {
        let hints = &self.database.places.hints;
        hints.heard_configuration.notified().await;
    }

    /// Lets the others take over what this node has left, at once. Nothing more is written by it.
    ///
    /// # Errors
    /// When the server fails; they take over later, then.
    pub async fn hand_over(&self) -> Result<(), StoreError> {
        Ok(takeover::hand_over(&self.database).await?)
    }

    /// The configuration part.
    #[must_use]
    pub fn configuration(&self) -> Arc<dyn Configuration> {
        Arc::clone(&self.configuration) as Arc<dyn Configuration>
    }

    /// The log part.
    #[must_use]
    pub fn log(&self) -> Arc<dyn Log> {
        Arc::clone(&self.log) as Arc<dyn Log>
    }

    /// The deliveries part.
    #[must_use]
    pub fn deliveries(&self) -> Arc<dyn Deliveries> {
        Arc::clone(&self.deliveries) as Arc<dyn Deliveries>
    }

    /// Tells `observer` of each commit from now on. The first observer stays.
    pub fn observe(&self, observer: Arc<dyn CommitObserver>) {
        // A second one is refused: there is one set of metrics.
        let _ = self.observer.set(observer);
    }

    /// Finishes what was accepted for writing, and takes nothing more.
    pub async fn finish(&self) {
        self.log.close().await;
        self.deliveries.close().await;
    }

    /// Closes the store: what was accepted is finished, later calls are answered as closed.
    pub async fn close(&self) {
        self.finish().await;
        self.stop_background();
        self.database.pool.close().await;
    }
}

impl PostgresStore {
    fn stop_background(&self) {
        self.background.iter().for_each(AbortHandle::abort);
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.stop_background();
    }
}

/// How often partitions are made ahead, and nodes that are gone forgotten.
const UPKEEP: Duration = Duration::from_secs(600);
/// When it is tried again after it failed.
const AGAIN: Duration = Duration::from_secs(30);

async fn upkeep(database: Database) {
    loop {
        let outcome = async {
            database.partitions.make_ahead().await?;
            takeover::forget_nodes(&database).await?;
            handover::forget(&database).await
        };
        let wait = match outcome.await {
            Ok(()) => UPKEEP,
            Err(failure) => {
                let error = StoreError::from(failure);
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "partitions can't be made ahead"
                );
                AGAIN
            }
        };
        tokio::time::sleep(wait).await;
    }
}

/// Makes a store, or brings an older one's schema up to date, as opening does too.
///
/// # Errors
/// See [`OpenError`].
pub async fn migrate(direct: &Address) -> Result<Migrated, OpenError> {
    // Changing a large table takes its time.
    let options = Options {
        statement_time: Duration::from_secs(24 * 3_600),
        ..Options::default()
    };
    let session = Session::connect(direct, &options).await?;
    migration::must_be_new_enough(&session).await?;
    migration::must_be_finished(&session).await?;
    migration::run(&session).await
}
