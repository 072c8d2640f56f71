//! The store as one side of a move, see [`fanfare_app::transfer`].
//!
//! One connection, without the writer's thread and its memory: nobody else uses the file meanwhile. A
//! target keeps in a table of its own, `moving`, how far each part is; while that table is there, the file
//! opens for a move only.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use fanfare_app::port::StoreError;
use fanfare_app::transfer::{
    Bounds, Chunk, Cursor, OpenError, Part, Reached, Refusal, Source, State, Target,
};
use parking_lot::Mutex;
use rusqlite::Connection;

use crate::failure::Failure;
use crate::lock::Lock;
use crate::migration::SCHEMA_VERSION;
use crate::open;
use crate::options::Options;

mod read;
mod state;
mod write;

/// Pages of the write-ahead log after which it is copied into the file: 32 MiB.
const CHECKPOINT_PAGES: i64 = 4_096;

/// A store in a file that takes part in a move; nobody else can use it meanwhile.
pub struct SqliteTransfer {
    inner: Arc<Inner>,
}

struct Inner {
    connection: Mutex<Connection>,
    // Behind the connection, so that it goes last.
    _lock: Lock,
}

fn version_refusal(path: &Path, found: u32) -> OpenError {
    let refusal = Refusal::Version {
        place: path.display().to_string(),
        found,
        wanted: SCHEMA_VERSION,
    };
    refusal.into()
}

fn failed(path: &Path) -> impl Fn(rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    move |error| cannot_open(open::OpenError::sql(&path, error))
}

/// A store's own words say already where it is.
fn cannot_open(error: open::OpenError) -> OpenError {
    OpenError::failed("the embedded store can't be moved", error)
}

impl SqliteTransfer {
    /// Opens a store that is to be copied. Blocks.
    ///
    /// # Errors
    /// When there is none, when it is in use or unfinished, or has another schema version than this
    /// release.
    pub fn source(path: &Path) -> Result<Self, OpenError> {
        open::must_be_a_store(path).map_err(cannot_open)?;
        let lock = Lock::take(path).map_err(cannot_open)?;
        let connection = open::read_only(path).map_err(cannot_open)?;
        let found = open::look_inside(path, &connection).map_err(cannot_open)?;
        if found != SCHEMA_VERSION {
            return Err(version_refusal(path, found));
        }
        if open::unfinished(&connection).map_err(failed(path))? {
            let place = path.display().to_string();
            return Err(Refusal::Unfinished { place }.into());
        }
        Ok(Self::of(connection, lock))
    }

    /// Opens, or makes, a store that is to be filled from `origin`, or goes on with one. Blocks.
    ///
    /// # Errors
    /// When it is in use, not empty, the unfinished target of a move from elsewhere, or has another
    /// schema version than this release.
    pub fn target(path: &Path, origin: &str) -> Result<Self, OpenError> {
        if let Some(found) = open::version(path).map_err(cannot_open)?
            && found != SCHEMA_VERSION
        {
            return Err(version_refusal(path, found));
        }
        let opened = open::for_a_move(path, &Options::default()).map_err(cannot_open)?;
        let mut connection = opened.connection;
        // No writer's thread copies the log into the file here.
        connection
            .pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)
            .map_err(failed(path))?;
        state::begin(&mut connection, path, origin)?;
        Ok(Self::of(connection, opened.lock))
    }

    fn of(connection: Connection, lock: Lock) -> Self {
        Self {
            inner: Arc::new(Inner {
                connection: Mutex::new(connection),
                _lock: lock,
            }),
        }
    }

    /// How a store in a file is called where its place in the file system has to be found again.
    ///
    /// # Errors
    /// When the system can't say where it is.
    pub fn place(path: &Path) -> Result<PathBuf, OpenError> {
        path.canonicalize()
            .map_err(|error| cannot_open(open::OpenError::io(path, error)))
    }

    /// Works with the connection on a thread that may block.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.inner);
        let working = tokio::task::spawn_blocking(move || work(&mut inner.connection.lock()));
        let outcome = working.await.map_err(StoreError::unavailable)?;
        outcome.map_err(StoreError::from)
    }
}

#[async_trait]
impl Source for SqliteTransfer {
    async fn state(&self) -> Result<State, StoreError> {
        self.with(|connection| state::read(connection)).await
    }

    async fn read(
        &self,
        part: Part,
        after: Option<&Cursor>,
        bounds: Bounds,
    ) -> Result<Chunk, StoreError> {
        let after = after.cloned();
        self.with(move |connection| read::chunk(connection, part, after, bounds))
            .await
    }
}

#[async_trait]
impl Target for SqliteTransfer {
    async fn reached(&self, part: Part) -> Result<Reached, StoreError> {
        self.with(move |connection| state::reached(connection, part))
            .await
    }

    async fn write(&self, part: Part, chunk: &Chunk) -> Result<(), StoreError> {
        let chunk = chunk.clone();
        self.with(move |connection| write::chunk(connection, part, &chunk))
            .await
    }

    async fn set_state(&self, state: State) -> Result<(), StoreError> {
        self.with(move |connection| state::write(connection, state))
            .await
    }

    async fn finish(&self) -> Result<(), StoreError> {
        self.with(|connection| state::finish(connection)).await
    }
}
