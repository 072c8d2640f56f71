//! Keeps the write-ahead log bounded.
//!
//! Past one bound the log is copied into the file as far as readers let it be, after those who wait
//! were answered; SQLite then writes the log from its start again as soon as no reader needs it. A
//! slow reader can hold that up, so past a second bound the writer waits for readers, who are held to
//! [`Options::read_time`] each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::Connection;

use crate::options::Options;

/// How long the writer waits for readers at once; meanwhile nothing is committed.
const READERS_TIME: Duration = Duration::from_millis(100);

pub(super) struct WriteAheadLog {
    /// Pages in the log after the last commit.
    pages: Arc<AtomicU64>,
    page_size: u64,
    checkpoint_bytes: u64,
    bound: u64,
    /// The size from which on a copy is tried again.
    next: u64,
    busy_time: Duration,
}

impl WriteAheadLog {
    pub(super) fn watch(connection: &mut Connection, options: &Options) -> rusqlite::Result<Self> {
        let page_size: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&pages);
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, count| {
            seen.store(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self {
            pages,
            page_size: u64::from(page_size),
            checkpoint_bytes: options.checkpoint_bytes.max(1),
            bound: options.log_bytes.max(options.checkpoint_bytes),
            next: options.checkpoint_bytes,
            busy_time: options.busy_time,
        })
    }

    /// Called after each commit.
    pub(super) fn keep_bounded(&mut self, connection: &Connection) {
        let size = self.pages.load(Ordering::Relaxed) * self.page_size;
        if size + self.checkpoint_bytes < self.next {
            // The log was begun anew.
            self.next = self.checkpoint_bytes;
        }
        if size < self.next {
            return;
        }
        let outcome = if size < self.bound {
            checkpoint(connection, "PASSIVE")
        } else {
            self.with_readers(connection)
        };
        // When readers hold it up, the next try comes after some more growth, not at every commit.
        self.next = size + self.checkpoint_bytes;
        match outcome {
            Ok(true) => {}
            Ok(false) if size >= self.bound => {
                tracing::warn!(
                    wal.bytes = size,
                    "a slow reader keeps the write-ahead log long"
                );
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "checkpoint failed"),
        }
    }

    fn with_readers(&self, connection: &Connection) -> rusqlite::Result<bool> {
        connection.busy_timeout(READERS_TIME.min(self.busy_time))?;
        let outcome = checkpoint(connection, "TRUNCATE");
        connection.busy_timeout(self.busy_time)?;
        outcome
    }

    /// Leaves an empty log behind, as far as others let it.
    pub(super) fn empty(&self, connection: &Connection) {
        if let Err(error) = checkpoint(connection, "TRUNCATE") {
            tracing::warn!(%error, "checkpoint failed");
        }
    }
}

/// Answers whether the whole log was copied.
fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<bool> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        let (busy, logged, copied): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(busy == 0 && logged == copied)
    })
}
