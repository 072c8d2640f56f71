//! The one thread that writes a file.
//!
//! Writes wait in a bounded queue. The thread takes all that wait, up to a bound, runs them in one
//! transaction, commits, and only then answers each: those who wait at the same time share one sync
//! of the disk (group commit). A transaction in which nobody asks for that is not synced: the next
//! that is takes it along, since both are in one log, in order.
//!
//! A write that fails must not spoil the others. They run without savepoints first, since failing is
//! rare; when one fails for a reason of its own, the transaction is rolled back and all run again,
//! each in a savepoint. That is why a write can run more than once, and changes nothing but the
//! transaction and [`State`], which a rollback forgets.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use fanfare_app::port::StoreError;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::failure::Failure;
use crate::options::Options;

mod job;
mod thread;
mod wal;

pub(crate) use job::{Durability, Writing};
pub(crate) use thread::Start;

use job::{Asked, Job};

/// What goes through the queue.
enum Message {
    Job {
        job: Box<dyn Job>,
        weight: usize,
        /// Its share of the queue's bytes, given back when the writer takes it.
        _share: OwnedSemaphorePermit,
    },
    Stop,
}

/// The queue's end for those who write. Clones share it.
#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Message>,
    /// One permit for each KiB.
    shares: Arc<Semaphore>,
    all_shares: u32,
    wait: Duration,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(start: Start, options: &Options) -> std::io::Result<Self> {
        let (queue, receiver) = mpsc::channel(options.queue_jobs.max(1));
        let all_shares = u32::try_from(options.queue_bytes / 1_024)
            .unwrap_or(u32::MAX)
            .clamp(1, u32::MAX >> 3);
        let thread = thread::spawn(start, receiver, options)?;
        Ok(Self {
            queue,
            shares: Arc::new(Semaphore::new(all_shares as usize)),
            all_shares,
            wait: options.queue_time,
            thread: Arc::new(Mutex::new(Some(thread))),
        })
    }

    /// Runs `work` in a transaction, and answers once that is durable. `weight` is about how many
    /// bytes it writes.
    ///
    /// When the queue is full, it waits for a place for a while, then answers busy.
    pub(crate) async fn ask<T, F>(&self, weight: usize, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Writing<'_>) -> Result<T, Failure> + Send + 'static,
    {
        self.ask_for(Durability::AtOnce, weight, work).await
    }

    /// The same; `durability` says when what it writes has to be on disk.
    pub(crate) async fn ask_for<T, F>(
        &self,
        durability: Durability,
        weight: usize,
        work: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Writing<'_>) -> Result<T, Failure> + Send + 'static,
    {
        // Heavier than the whole queue: it waits for all of it, and goes alone.
        let wanted = u32::try_from(weight / 1_024 + 1)
            .unwrap_or(u32::MAX)
            .min(self.all_shares);
        let share = match Arc::clone(&self.shares).try_acquire_many_owned(wanted) {
            Ok(share) => share,
            Err(_) => {
                let place = Arc::clone(&self.shares).acquire_many_owned(wanted);
                match tokio::time::timeout(self.wait, place).await {
                    Ok(Ok(share)) => share,
                    Ok(Err(_)) => return Err(StoreError::Closed),
                    Err(_) => return Err(StoreError::Busy),
                }
            }
        };
        let (reply, answer) = oneshot::channel();
        let message = Message::Job {
            job: Box::new(Asked::new(durability, work, reply)),
            weight,
            _share: share,
        };
        match self.queue.try_send(message) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(StoreError::Closed),
            Err(mpsc::error::TrySendError::Full(message)) => {
                match tokio::time::timeout(self.wait, self.queue.send(message)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return Err(StoreError::Closed),
                    Err(_) => return Err(StoreError::Busy),
                }
            }
        }
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Refuses further writes, finishes those that wait, copies the log into the file and ends the
    /// thread.
    pub(crate) async fn close(&self) {
        // An error means that it is closed already.
        let _ = self.queue.send(Message::Stop).await;
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("the store's writer ended by a panic");
            }
        }
    }
}
