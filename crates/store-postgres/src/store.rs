//! A store as a whole.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fanfare_app::port::{Configuration, Deliveries, Log, StoreError};
use tokio::task::AbortHandle;

use crate::address::Address;
use crate::configuration::PostgresConfiguration;
use crate::deliveries::PostgresDeliveries;
use crate::failure::Failure;
use crate::log::PostgresLog;
use crate::migration::{self, Migrated};
use crate::options::Options;
use crate::partition::Partitions;
use crate::pool::Pool;
use crate::scopes::Scopes;
use crate::session::Session;

/// Hears of each commit, for metrics.
pub trait CommitObserver: Send + Sync + 'static {
    /// So many writes were committed together, which took so long, the sync included.
    fn committed(&self, jobs: usize, took: Duration);
}

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
    /// This node, in the rows that it writes.
    pub(crate) node: i64,
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
    upkeep: AbortHandle,
}

impl PostgresStore {
    /// Opens a store, makes it where there is none, and brings its schema up to date.
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
        let database = Database {
            pool: Pool::new(addresses.work.clone(), options.clone()),
            scopes: Arc::default(),
            partitions: Arc::new(Partitions::new(addresses.direct.clone(), options.clone())),
            node: 0,
            direct: addresses.direct.clone(),
            options: options.clone(),
        };
        let session = database.pool.lease().await?;
        migration::must_be_a_store(&session).await?;
        drop(session);
        let observer = Observer::default();
        let upkeep = tokio::spawn(upkeep(Arc::clone(&database.partitions))).abort_handle();
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
            upkeep,
        })
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

    /// Closes the store: what was accepted is finished, later calls are answered as closed.
    pub async fn close(self) {
        self.upkeep.abort();
        self.log.close().await;
        self.deliveries.close().await;
        self.database.pool.close().await;
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.upkeep.abort();
    }
}

/// How often partitions are made ahead.
const UPKEEP: Duration = Duration::from_secs(3_600);
/// When it is tried again after it failed.
const AGAIN: Duration = Duration::from_secs(30);

async fn upkeep(partitions: Arc<Partitions>) {
    loop {
        let wait = match partitions.make_ahead().await {
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
    migration::run(&session).await
}
