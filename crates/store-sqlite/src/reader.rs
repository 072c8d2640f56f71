//! Readers beside the writer.
//!
//! A few connections, each used by one read at a time on the runtime's blocking threads. A read is
//! one transaction, and ends when its time is over: a long one would keep the write-ahead log from
//! being reused.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fanfare_app::port::StoreError;
use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::Semaphore;

use crate::failure::Failure;
use crate::open::{self, OpenError};
use crate::options::Options;
use crate::scopes::ScopeNames;

/// Steps of SQLite's machine between two looks at the time: some tens of microseconds.
const STEPS: i32 = 4_000;

/// What a read can use.
pub(crate) struct Reading<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) scopes: &'a mut ScopeNames,
}

struct Reader {
    connection: Connection,
    scopes: ScopeNames,
    /// Microseconds after `began` at which the running read is over.
    deadline: Arc<AtomicU64>,
    began: Instant,
}

/// The connections for reading. Clones share them.
#[derive(Clone)]
pub(crate) struct Readers {
    free: Arc<Mutex<Vec<Reader>>>,
    places: Arc<Semaphore>,
    count: u32,
    wait: Duration,
    read_time: Duration,
}

impl Readers {
    pub(crate) fn open(path: &Path, options: &Options) -> Result<Self, OpenError> {
        let count = u32::try_from(options.readers.clamp(1, 64)).unwrap_or(1);
        let readers = (0..count)
            .map(|_| Reader::open(path, options))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            free: Arc::new(Mutex::new(readers)),
            places: Arc::new(Semaphore::new(count as usize)),
            count,
            wait: options.queue_time,
            read_time: options.read_time,
        })
    }

    /// Reads in one transaction, on a thread that may block. When all readers are taken, it waits
    /// for one for a while, then answers busy.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Reading<'_>) -> Result<T, Failure> + Send + 'static,
    {
        let place = Arc::clone(&self.places).acquire_owned();
        let place = match tokio::time::timeout(self.wait, place).await {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Err(StoreError::Closed),
            Err(_) => return Err(StoreError::Busy),
        };
        let (free, read_time) = (Arc::clone(&self.free), self.read_time);
        let reading = tokio::task::spawn_blocking(move || {
            let Some(mut reader) = free.lock().pop() else {
                return Err(StoreError::Closed);
            };
            let answer = reader.read(read_time, work);
            free.lock().push(reader);
            drop(place);
            answer
        });
        reading
            .await
            .unwrap_or_else(|error| Err(StoreError::unavailable(error)))
    }

    /// Refuses further reads, waits for those that run, and closes the connections.
    pub(crate) async fn close(&self) {
        let all = Arc::clone(&self.places)
            .acquire_many_owned(self.count)
            .await;
        self.places.close();
        drop(all);
        let readers = std::mem::take(&mut *self.free.lock());
        if let Err(error) = tokio::task::spawn_blocking(move || drop(readers)).await {
            tracing::error!(%error, "closing the store's readers failed");
        }
    }
}

impl Reader {
    fn open(path: &Path, options: &Options) -> Result<Self, OpenError> {
        let mut connection = open::for_reading(path, options)?;
        let deadline = Arc::new(AtomicU64::new(u64::MAX));
        let (seen, began) = (Arc::clone(&deadline), Instant::now());
        let late = move || micros(began.elapsed()) > seen.load(Ordering::Relaxed);
        connection
            .progress_handler(STEPS, Some(late))
            .map_err(|error| OpenError::sql(path, error))?;
        Ok(Self {
            connection,
            scopes: ScopeNames::default(),
            deadline,
            began,
        })
    }

    fn read<T>(
        &mut self,
        time: Duration,
        work: impl FnOnce(&mut Reading<'_>) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let end = micros(self.began.elapsed() + time);
        self.deadline.store(end, Ordering::Relaxed);
        let answer = self.transaction(work).map_err(|failure| match failure {
            Failure::Sql(error) if interrupted(&error) => {
                StoreError::unavailable(format!("reading took longer than {time:?}"))
            }
            failure => failure.into(),
        });
        self.deadline.store(u64::MAX, Ordering::Relaxed);
        answer
    }

    fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut Reading<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let connection = &self.connection;
        connection.prepare_cached("BEGIN")?.execute([])?;
        let answer = work(&mut Reading {
            connection,
            scopes: &mut self.scopes,
        });
        if !connection.is_autocommit() {
            self.deadline.store(u64::MAX, Ordering::Relaxed);
            connection.prepare_cached("ROLLBACK")?.execute([])?;
        }
        answer
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn interrupted(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
}
