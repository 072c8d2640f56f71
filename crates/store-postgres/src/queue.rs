//! Writes that wait, and the tasks that write them.
//!
//! A task takes all that wait, up to a bound, writes them in one transaction, and answers each after
//! the commit: those who wait at the same time share one commit (group commit). While one task waits
//! for its commit, the next gathers what comes meanwhile.
//!
//! A write that fails must not spoil the others: when a transaction of several fails for a statement's
//! own reason, each goes alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use fanfare_app::port::StoreError;
use parking_lot::Mutex as SyncMutex;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::address::Address;
use crate::failure::Failure;
use crate::options::Options;
use crate::session::Session;
use crate::store::Observer;

/// How to write what waits.
#[async_trait]
pub(crate) trait Work: Send + Sync + 'static {
    /// What is asked for.
    type Job: Send + Sync;
    /// What is answered.
    type Answer: Send;

    /// Writes all of them in one transaction, and answers each in order.
    async fn write(
        &self,
        session: &Session,
        jobs: &[Self::Job],
    ) -> Result<Vec<Self::Answer>, Failure>;

    /// Whether a job may share a transaction with those before it.
    fn joins(&self, _before: &[Self::Job], _job: &Self::Job) -> bool {
        true
    }
}

struct Asked<W: Work> {
    job: W::Job,
    weight: usize,
    reply: oneshot::Sender<Result<W::Answer, StoreError>>,
    /// Its share of the queue's bytes, given back when it is taken.
    _share: OwnedSemaphorePermit,
}

/// The queue's end for those who write.
pub(crate) struct Queue<W: Work> {
    queue: SyncMutex<Option<mpsc::Sender<Asked<W>>>>,
    /// One permit for each KiB.
    shares: Arc<Semaphore>,
    all_shares: u32,
    wait: Duration,
    tasks: SyncMutex<Vec<JoinHandle<()>>>,
}

impl<W: Work> Queue<W> {
    /// Starts some tasks, each with a connection of its own.
    pub(crate) fn start(
        work: W,
        tasks: usize,
        address: &Address,
        options: &Options,
        observer: &Observer,
    ) -> Self {
        let (queue, receiver) = mpsc::channel(options.queue_jobs.max(1));
        let all_shares = u32::try_from(options.queue_bytes / 1_024)
            .unwrap_or(u32::MAX)
            .clamp(1, u32::MAX >> 3);
        let writing = Arc::new(Writing {
            work,
            address: address.clone(),
            options: options.clone(),
            observer: Arc::clone(observer),
            waiting: Mutex::new(Waiting {
                queue: receiver,
                next: None,
            }),
        });
        let tasks = (0..tasks.max(1)).map(|_| tokio::spawn(Arc::clone(&writing).run()));
        Self {
            queue: SyncMutex::new(Some(queue)),
            shares: Arc::new(Semaphore::new(all_shares as usize)),
            all_shares,
            wait: options.queue_time,
            tasks: SyncMutex::new(tasks.collect()),
        }
    }

    /// Writes a job, and answers once it is committed. `weight` is about how many bytes it writes.
    ///
    /// When the queue is full, it waits for a place for a while, then answers busy.
    pub(crate) async fn ask(&self, weight: usize, job: W::Job) -> Result<W::Answer, StoreError> {
        let Some(queue) = self.queue.lock().clone() else {
            return Err(StoreError::Closed);
        };
        // Heavier than the whole queue: it waits for all of it, and goes alone.
        let wanted = u32::try_from(weight / 1_024 + 1)
            .unwrap_or(u32::MAX)
            .min(self.all_shares);
        let placing = async {
            let share = Arc::clone(&self.shares).acquire_many_owned(wanted).await;
            let share = share.map_err(|_| StoreError::Closed)?;
            let place = queue.reserve().await.map_err(|_| StoreError::Closed)?;
            let (reply, answer) = oneshot::channel();
            place.send(Asked {
                job,
                weight,
                reply,
                _share: share,
            });
            Ok(answer)
        };
        let placed = tokio::time::timeout(self.wait, placing).await;
        let answer = placed.unwrap_or(Err(StoreError::Busy))?;
        drop(queue);
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Refuses further writes, and finishes those that wait.
    pub(crate) async fn close(&self) {
        self.queue.lock().take();
        let tasks = std::mem::take(&mut *self.tasks.lock());
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a writer of the store ended by a panic");
            }
        }
    }
}

struct Waiting<W: Work> {
    queue: mpsc::Receiver<Asked<W>>,
    /// One that was taken and did not fit.
    next: Option<Asked<W>>,
}

struct Writing<W: Work> {
    work: W,
    address: Address,
    options: Options,
    observer: Observer,
    waiting: Mutex<Waiting<W>>,
}

type Reply<W> = oneshot::Sender<Result<<W as Work>::Answer, StoreError>>;

impl<W: Work> Writing<W> {
    async fn run(self: Arc<Self>) {
        let mut session = None;
        while let Some((jobs, replies)) = self.gather().await {
            self.commit(&mut session, jobs, replies).await;
        }
    }

    /// All that wait, up to the bounds; none at the end.
    async fn gather(&self) -> Option<(Vec<W::Job>, Vec<Reply<W>>)> {
        let mut waiting = self.waiting.lock().await;
        let first = match waiting.next.take() {
            Some(first) => first,
            None => waiting.queue.recv().await?,
        };
        let mut bytes = first.weight;
        let mut jobs = vec![first.job];
        let mut replies = vec![first.reply];
        while jobs.len() < self.options.batch_jobs && bytes < self.options.batch_bytes {
            let Ok(asked) = waiting.queue.try_recv() else {
                break;
            };
            if !self.work.joins(&jobs, &asked.job) {
                waiting.next = Some(asked);
                break;
            }
            bytes += asked.weight;
            jobs.push(asked.job);
            replies.push(asked.reply);
        }
        Some((jobs, replies))
    }

    async fn commit(
        &self,
        session: &mut Option<Session>,
        jobs: Vec<W::Job>,
        replies: Vec<Reply<W>>,
    ) {
        let began = Instant::now();
        match self.write(session, &jobs).await {
            Ok(answers) => {
                if let Some(observer) = self.observer.get() {
                    observer.committed(jobs.len(), began.elapsed());
                }
                for (reply, answer) in replies.into_iter().zip(answers) {
                    // Nobody may be waiting any more; what was written stays written.
                    let _ = reply.send(Ok(answer));
                }
            }
            Err(failure) if failure.of_the_statement() && jobs.len() > 1 => {
                for (job, reply) in jobs.into_iter().zip(replies) {
                    let mut answers = self.write(session, std::slice::from_ref(&job)).await;
                    let answer = match &mut answers {
                        Ok(answers) => answers.pop().ok_or(StoreError::Closed),
                        Err(_) => Err(StoreError::Closed),
                    };
                    let answer = match answers {
                        Ok(_) => answer,
                        Err(failure) => Err(failure.into()),
                    };
                    let _ = reply.send(answer);
                }
            }
            Err(failure) => {
                let error = failure.for_each_caller();
                tracing::warn!(
                    store.jobs = jobs.len(),
                    error = &error() as &dyn std::error::Error,
                    "commit failed"
                );
                for reply in replies {
                    let _ = reply.send(Err(error()));
                }
            }
        }
    }

    async fn write(
        &self,
        kept: &mut Option<Session>,
        jobs: &[W::Job],
    ) -> Result<Vec<W::Answer>, Failure> {
        let session = match kept.take().filter(Session::usable) {
            Some(session) => session,
            None => Session::connect(&self.address, &self.options).await?,
        };
        let outcome = self.work.write(&session, jobs).await;
        *kept = Some(session).filter(Session::usable);
        outcome
    }
}
