//! A store as a whole.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use fanfare_app::port::{CommitObserver, Configuration, Deliveries, Log};

use crate::configuration::SqliteConfiguration;
use crate::deliveries::SqliteDeliveries;
use crate::log::SqliteLog;
use crate::migration::SCHEMA_VERSION;
use crate::open::{self, OpenError};
use crate::options::Options;
use crate::reader::Readers;
use crate::writer::{Start, Writer};

/// One file: its writer and its readers. Clones share them.
#[derive(Clone)]
pub(crate) struct Database {
    pub(crate) writer: Writer,
    pub(crate) readers: Readers,
}

type Observer = Arc<OnceLock<Arc<dyn CommitObserver>>>;

impl Database {
    fn open(path: &Path, options: &Options, observer: &Observer) -> Result<Self, OpenError> {
        let opened = open::for_writing(path, options)?;
        let readers = Readers::open(path, options)?;
        let start = Start {
            path: path.to_owned(),
            connection: opened.connection,
            lock: Some(opened.lock),
            observer: Arc::clone(observer),
        };
        let writer = Writer::start(start, options).map_err(|error| OpenError::io(path, error))?;
        Ok(Self { writer, readers })
    }

    fn open_beside(path: &Path, options: &Options, observer: &Observer) -> Result<Self, OpenError> {
        let start = Start {
            path: path.to_owned(),
            connection: open::for_writing_beside(path, options)?,
            lock: None,
            observer: Arc::clone(observer),
        };
        let readers = Readers::open(path, options)?;
        let writer = Writer::start(start, options).map_err(|error| OpenError::io(path, error))?;
        Ok(Self { writer, readers })
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// A store, open. Dropping it and what it gave out closes it as well, some time later; the lock is
/// held until then.
pub struct SqliteStore {
    configuration: Arc<SqliteConfiguration>,
    log: Arc<SqliteLog>,
    deliveries: Arc<SqliteDeliveries>,
    databases: Vec<Database>,
    observer: Observer,
}

impl SqliteStore {
    /// Opens, or makes, a store in one file, with one writer. Blocks; for before the runtime is busy.
    ///
    /// # Errors
    /// See [`OpenError`]; the file is as it was then.
    pub fn open(path: &Path, options: &Options) -> Result<Self, OpenError> {
        let observer = Observer::default();
        let database = Database::open(path, options, &observer)?;
        Ok(Self::of(
            &database,
            &database,
            &database,
            vec![database.clone()],
            observer,
        ))
    }

    /// Opens a store that another process has open, as a command beside a running server does.
    ///
    /// Only the configuration part may be written through it: of the others, the process with the
    /// lock remembers what it wrote last.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_beside(path: &Path, options: &Options) -> Result<Self, OpenError> {
        let observer = Observer::default();
        let database = Database::open_beside(path, options, &observer)?;
        Ok(Self::of(
            &database,
            &database,
            &database,
            vec![database.clone()],
            observer,
        ))
    }

    /// Opens, or makes, a store with each part in a file of its own in a folder, a writer for each:
    /// `configuration.db`, `log.db` and `deliveries.db`.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_parts(folder: &Path, options: &Options) -> Result<Self, OpenError> {
        let observer = Observer::default();
        let part = |name: &str| Database::open(&folder.join(name), options, &observer);
        let databases = [
            part("configuration.db")?,
            part("log.db")?,
            part("deliveries.db")?,
        ];
        let [configuration, log, deliveries] = &databases;
        Ok(Self::of(
            configuration,
            log,
            deliveries,
            databases.to_vec(),
            observer,
        ))
    }

    fn of(
        configuration: &Database,
        log: &Database,
        deliveries: &Database,
        databases: Vec<Database>,
        observer: Observer,
    ) -> Self {
        Self {
            configuration: Arc::new(SqliteConfiguration::new(configuration.clone())),
            log: Arc::new(SqliteLog::new(log.clone())),
            deliveries: Arc::new(SqliteDeliveries::new(deliveries.clone())),
            databases,
            observer,
        }
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

    /// Closes the store: what was accepted is finished, later calls are answered as closed, the
    /// write-ahead log is copied into the file, and the lock is given back.
    pub async fn close(self) {
        for database in &self.databases {
            database.close().await;
        }
    }
}

/// What [`migrate`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The version before; 0 where there was no store.
    pub from: u32,
    /// The version now.
    pub to: u32,
}

/// Makes a store, or brings an older one's schema up to date, as opening does too.
///
/// # Errors
/// See [`OpenError`].
pub fn migrate(path: &Path) -> Result<Migrated, OpenError> {
    let opened = open::for_writing(path, &Options::default())?;
    let migrated = Migrated {
        from: opened.from,
        to: SCHEMA_VERSION,
    };
    // Closing copies the log into the file; only then the lock may go.
    opened
        .connection
        .close()
        .map_err(|(_, error)| OpenError::sql(path, error))?;
    drop(opened.lock);
    Ok(migrated)
}
