//! The store that the settings name.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use fanfare_app::port::{Configuration, Deliveries, Log};
use fanfare_store_postgres as postgres;
use fanfare_store_postgres::{Addresses, JoinOptions, Member, PostgresStore};
use fanfare_store_sqlite::{OpenError, SqliteStore};
use tokio::task::AbortHandle;

use crate::config::{NodeSettings, Settings, StoreSettings, TestPurposes};
use crate::metrics::CommitMetrics;

/// A store, open.
pub(crate) enum Store {
    /// In a file of its own.
    Embedded(SqliteStore),
    /// In a database that nodes share.
    Shared(Arc<Shared>),
}

/// A store that nodes share, and this node among them.
pub(crate) struct Shared {
    pub(crate) store: PostgresStore,
    /// None for a command, which is no node.
    pub(crate) member: Option<Arc<Member>>,
    renewing: Option<AbortHandle>,
}

impl Store {
    /// Opens it for serving: makes it where there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// When it can't be used; the message says where it is, and no password.
    pub(crate) async fn open(settings: &Settings) -> anyhow::Result<Self> {
        match &settings.store {
            StoreSettings::Sqlite(path) => Ok(Self::Embedded(
                embedded(path, settings.test_purposes).await?,
            )),
            StoreSettings::Postgres(addresses) => {
                let joined = join(addresses, &settings.node).await;
                let shared = joined.with_context(|| place(addresses))?;
                Ok(Self::Shared(Arc::new(shared)))
            }
        }
    }

    /// Opens one that is there for a command, beside the nodes that use it. A store is not made here:
    /// where there is none, the setting is likelier to be mistyped than a command to come first of all.
    ///
    /// # Errors
    /// When there is none, or it can't be used.
    pub(crate) async fn open_for_a_command(settings: &Settings) -> anyhow::Result<Self> {
        match &settings.store {
            StoreSettings::Sqlite(path) => embedded_beside(path).map(Self::Embedded),
            StoreSettings::Postgres(addresses) => {
                let options = fanfare_store_postgres::Options {
                    log_writers: 1,
                    connections: 1,
                    ..fanfare_store_postgres::Options::default()
                };
                let opened = PostgresStore::open_as_it_is(addresses, &options).await;
                let store = opened.with_context(|| place(addresses))?;
                Ok(Self::Shared(Arc::new(Shared {
                    store,
                    member: None,
                    renewing: None,
                })))
            }
        }
    }

    /// The configuration part.
    pub(crate) fn configuration(&self) -> Arc<dyn Configuration> {
        match self {
            Self::Embedded(store) => store.configuration(),
            Self::Shared(shared) => shared.store.configuration(),
        }
    }

    /// The log part.
    pub(crate) fn log(&self) -> Arc<dyn Log> {
        match self {
            Self::Embedded(store) => store.log(),
            Self::Shared(shared) => shared.store.log(),
        }
    }

    /// The deliveries part.
    pub(crate) fn deliveries(&self) -> Arc<dyn Deliveries> {
        match self {
            Self::Embedded(store) => store.deliveries(),
            Self::Shared(shared) => shared.store.deliveries(),
        }
    }

    /// Measures its commits from now on.
    pub(crate) fn observe(&self, metrics: CommitMetrics) {
        match self {
            Self::Embedded(store) => store.observe(Arc::new(metrics)),
            Self::Shared(shared) => shared.store.observe(Arc::new(metrics)),
        }
    }

    /// Finishes what was accepted, and closes it.
    pub(crate) async fn close(self) {
        match self {
            Self::Embedded(store) => store.close().await,
            Self::Shared(shared) => shared.leave().await,
        }
    }

    /// What nodes share; none where there is but one.
    pub(crate) fn shared(&self) -> Option<&Arc<Shared>> {
        match self {
            Self::Embedded(_) => None,
            Self::Shared(shared) => Some(shared),
        }
    }
}

impl Shared {
    /// Finishes what was accepted, lets others take over what is left, and closes the connections.
    async fn leave(&self) {
        self.store.finish().await;
        if let Some(renewing) = &self.renewing {
            renewing.abort();
        }
        if self.member.is_some()
            && let Err(error) = self.store.hand_over().await
        {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "others can't be told that this node leaves; they see it by themselves"
            );
        }
        self.store.close().await;
    }
}

/// Brings the schema up to date, and joins.
async fn join(addresses: &Addresses, node: &NodeSettings) -> Result<Shared, postgres::OpenError> {
    postgres::migrate(&addresses.direct).await?;
    let options = JoinOptions {
        name: node.name.clone(),
        delivers: node.roles.deliver(),
        detection: node.detection,
    };
    let (member, renewing) = Member::join(&addresses.direct, options).await?;
    let options = postgres::Options::default();
    let store = PostgresStore::open_as(addresses, &options, Some(Arc::clone(&member))).await?;
    Ok(Shared {
        store,
        member: Some(member),
        renewing: Some(renewing),
    })
}

fn place(addresses: &Addresses) -> String {
    format!("the store at {}", addresses.work)
}

async fn embedded(path: &Path, test_purposes: TestPurposes) -> anyhow::Result<SqliteStore> {
    let path = path.to_owned();
    let mut options = fanfare_store_sqlite::Options {
        synchronous_off_for_test_purposes_only: test_purposes.synchronous_off,
        ..fanfare_store_sqlite::Options::default()
    };
    if let Some(bytes) = test_purposes.checkpoint_bytes {
        options.checkpoint_bytes = bytes;
    }
    let opening = move || SqliteStore::open(&path, &options);
    Ok(tokio::task::spawn_blocking(opening).await??)
}

fn embedded_beside(path: &Path) -> anyhow::Result<SqliteStore> {
    if !path.exists() {
        bail!(
            "there is no store at {}; `fanfare serve` or `fanfare migrate` makes one",
            path.display()
        );
    }
    let options = fanfare_store_sqlite::Options {
        readers: 1,
        ..fanfare_store_sqlite::Options::default()
    };
    match SqliteStore::open(path, &options) {
        Err(OpenError::InUse { .. }) => Ok(SqliteStore::open_beside(path, &options)?),
        opened => Ok(opened?),
    }
}
