//! The writer's thread: takes what waits, commits it together, answers.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Instant;

use fanfare_app::port::{CommitObserver, StoreError};
use rusqlite::Connection;
use tokio::sync::mpsc;

use super::Message;
use super::job::{Durability, Job, State, Writing};
use super::wal::WriteAheadLog;
use crate::deliveries::tallies;
use crate::failure::Failure;
use crate::lists::{DELIVERIES, EVENTS};
use crate::lock::Lock;
use crate::options::Options;

/// What a writer is started with.
pub(crate) struct Start {
    pub(crate) path: PathBuf,
    pub(crate) connection: Connection,
    /// None beside the process that holds it.
    pub(crate) lock: Option<Lock>,
    pub(crate) observer: Arc<OnceLock<Arc<dyn CommitObserver>>>,
}

pub(super) fn spawn(
    mut start: Start,
    queue: mpsc::Receiver<Message>,
    options: &Options,
) -> std::io::Result<JoinHandle<()>> {
    let mut thread = Thread {
        log: WriteAheadLog::watch(&mut start.connection, options).map_err(std::io::Error::other)?,
        connection: start.connection,
        queue,
        state: State::default(),
        observer: start.observer,
        batch_jobs: options.batch_jobs.max(1),
        batch_bytes: options.batch_bytes,
        syncs: Some(true),
        never_syncs: options.synchronous_off_for_test_purposes_only,
    };
    std::thread::Builder::new()
        .name("store-writer".to_owned())
        .spawn(move || {
            thread.run();
            thread.log.empty(&thread.connection);
            if let Err((_, error)) = thread.connection.close() {
                tracing::error!(store.path = %start.path.display(), %error, "store not closed cleanly");
            }
            // Only now may another process open the file.
            drop(start.lock);
        })
}

struct Thread {
    connection: Connection,
    log: WriteAheadLog,
    queue: mpsc::Receiver<Message>,
    state: State,
    observer: Arc<OnceLock<Arc<dyn CommitObserver>>>,
    batch_jobs: usize,
    batch_bytes: usize,
    /// Whether commits are synced as the connection stands; none where that is not known.
    syncs: Option<bool>,
    never_syncs: bool,
}

impl Thread {
    fn run(&mut self) {
        let mut batch = Vec::with_capacity(self.batch_jobs);
        while let Some(message) = self.queue.blocking_recv() {
            let mut bytes = 0;
            let mut next = Some(message);
            while let Some(message) = next {
                match message {
                    Message::Job { job, weight, .. } => {
                        batch.push(job);
                        bytes += weight;
                    }
                    // What waits behind it is still done; what comes later is refused.
                    Message::Stop => self.queue.close(),
                }
                next = (batch.len() < self.batch_jobs && bytes < self.batch_bytes)
                    .then(|| self.queue.try_recv().ok())
                    .flatten();
            }
            if !batch.is_empty() {
                self.commit(&mut batch);
                self.log.keep_bounded(&self.connection);
            }
        }
    }

    /// Commits a batch, and answers each of it.
    fn commit(&mut self, batch: &mut Vec<Box<dyn Job>>) {
        let began = Instant::now();
        let mut committed = self.together(batch);
        if let Err(failure) = &committed
            && !failure.of_the_file()
        {
            // One of them fails for a reason of its own.
            committed = self.one_by_one(batch);
        }
        match committed {
            Ok(()) => {
                if let Some(observer) = self.observer.get() {
                    observer.committed(batch.len(), began.elapsed());
                }
                for job in batch.drain(..) {
                    job.answer(None);
                }
            }
            Err(failure) => {
                let error = failure.for_each_caller();
                tracing::warn!(store.jobs = batch.len(), error = ?error(), "commit failed");
                for job in batch.drain(..) {
                    job.answer(Some(error()));
                }
            }
        }
    }

    /// Lets the next commit be synced if one of a batch asks for that.
    fn choose_sync(&mut self, batch: &[Box<dyn Job>]) -> Result<(), Failure> {
        let wanted = batch
            .iter()
            .any(|job| job.durability() == Durability::AtOnce);
        if self.never_syncs || self.syncs == Some(wanted) {
            return Ok(());
        }
        self.syncs = None;
        let level = if wanted { "FULL" } else { "NORMAL" };
        self.connection.pragma_update(None, "synchronous", level)?;
        self.syncs = Some(wanted);
        Ok(())
    }

    /// All of a batch in one transaction; nothing of it when one fails.
    fn together(&mut self, batch: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        self.choose_sync(batch)?;
        self.transaction(|writing| {
            batch.iter_mut().try_for_each(|job| job.run(writing))?;
            writing.flush()?;
            writing.list()
        })
    }

    /// A batch in one transaction, but each in a savepoint of its own: those that fail are answered
    /// and leave the batch.
    fn one_by_one(&mut self, batch: &mut Vec<Box<dyn Job>>) -> Result<(), Failure> {
        let mut refused: Vec<Option<StoreError>> = Vec::new();
        self.choose_sync(batch)?;
        self.transaction(|writing| {
            for job in batch.iter_mut() {
                writing.connection.execute_batch("SAVEPOINT job")?;
                match job.run(writing).and_then(|()| writing.flush()) {
                    Ok(()) => refused.push(None),
                    Err(failure) if failure.of_the_file() => return Err(failure),
                    Err(failure) => {
                        writing.connection.execute_batch("ROLLBACK TO job")?;
                        *writing.state = State::default();
                        refused.push(Some(failure.into()));
                    }
                }
                writing.connection.execute_batch("RELEASE job")?;
            }
            Ok(())
        })?;
        let mut done = Vec::with_capacity(batch.capacity());
        for (job, refused) in batch.drain(..).zip(refused) {
            match refused {
                None => done.push(job),
                Some(error) => job.answer(Some(error)),
            }
        }
        *batch = done;
        Ok(())
    }

    fn transaction(
        &mut self,
        work: impl FnOnce(&mut Writing<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let connection = &self.connection;
        let run = |sql| connection.prepare_cached(sql)?.execute([]).map(drop);
        let outcome = run("BEGIN IMMEDIATE")
            .map_err(Failure::from)
            .and_then(|()| {
                work(&mut Writing {
                    connection,
                    state: &mut self.state,
                })?;
                run("COMMIT").map_err(Failure::from)
            });
        if outcome.is_err() {
            self.state = State::default();
            // SQLite may have rolled back by itself.
            if !connection.is_autocommit()
                && let Err(error) = run("ROLLBACK")
            {
                tracing::error!(%error, "rollback failed");
            }
        }
        outcome
    }
}

impl Writing<'_> {
    /// Writes what was summed up in memory.
    fn flush(&mut self) -> Result<(), Failure> {
        tallies::write(&mut self.state.tallies, self.connection)
    }

    /// Lets the lists follow what was written. One by one, they wait for the next batch.
    fn list(&mut self) -> Result<(), Failure> {
        let state = &mut *self.state;
        state.listed_events.go_on(self.connection, &EVENTS)?;
        state.listed_deliveries.go_on(self.connection, &DELIVERIES)
    }
}
