//! Where filters are evaluated: on a bounded number of blocking threads, in turns between tenants.
//!
//! An evaluation takes up to some tens of milliseconds, and an event has as many as its tenant has
//! endpoints with filters. So a tenant never has all the threads, its events wait in a line of their own,
//! and the threads take from the lines in turns. When a line or all of them are full, publishing is
//! refused for now ([`TooManyWait`]): the publisher repeats it, and nothing was lost.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use fanfare_domain::name::Scope;
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// The bounds.
#[derive(Clone, Copy, Debug)]
pub struct FilterThreadsOptions {
    /// The most threads at once; 0: what is to be done is done at once, where it is asked for. That is for a time
    /// that stands still meanwhile.
    pub threads: usize,
    /// The most threads at once for one tenant.
    pub threads_a_tenant: usize,
    /// The most events of a tenant that wait.
    pub waiting_a_tenant: usize,
    /// The most events that wait.
    pub waiting: usize,
}

impl FilterThreadsOptions {
    /// Without threads.
    #[must_use]
    pub fn at_once() -> Self {
        Self {
            threads: 0,
            ..Self::default()
        }
    }

    /// Bounds for so many threads: a tenant leaves one to the others where there are several.
    #[must_use]
    pub fn with_threads(threads: usize) -> Self {
        Self {
            threads,
            threads_a_tenant: threads.saturating_sub(1).max(1),
            ..Self::default()
        }
    }
}

impl Default for FilterThreadsOptions {
    fn default() -> Self {
        Self {
            threads: 2,
            threads_a_tenant: 1,
            waiting_a_tenant: 1_024,
            waiting: 8_192,
        }
    }
}

/// As many events wait for their filters as may; nothing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many events wait for the filters of their endpoints")]
pub struct TooManyWait;

type Job = Box<dyn FnOnce() + Send>;

/// The threads.
#[derive(Clone)]
pub struct FilterThreads {
    options: FilterThreadsOptions,
    lines: Arc<Mutex<Lines>>,
}

#[derive(Default)]
struct Lines {
    threads: usize,
    waiting: usize,
    /// Tenants with something that waits, in turns.
    turns: VecDeque<Scope>,
    tenants: HashMap<Scope, Line>,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<Job>,
    threads: usize,
}

impl std::fmt::Debug for FilterThreads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FilterThreads")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl FilterThreads {
    /// No thread runs before there is something to do.
    #[must_use]
    pub fn new(options: FilterThreadsOptions) -> Self {
        Self {
            options,
            lines: Arc::default(),
        }
    }

    /// Does something for a tenant on one of the threads.
    ///
    /// # Errors
    /// When too much waits already.
    pub async fn run<T: Send + 'static>(
        &self,
        tenant: &Scope,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, TooManyWait> {
        if self.options.threads == 0 {
            return Ok(job());
        }
        let (answer, answered) = oneshot::channel();
        let job = move || {
            // Nobody waits for it any more when the publisher went away.
            if !answer.is_closed() {
                let _ = answer.send(job());
            }
        };
        self.put(tenant, Box::new(job))?;
        answered.await.map_err(|_| TooManyWait)
    }

    fn put(&self, tenant: &Scope, job: Job) -> Result<(), TooManyWait> {
        let mut lines = self.lines.lock();
        if lines.waiting >= self.options.waiting {
            return Err(TooManyWait);
        }
        let line = lines.tenants.entry(tenant.clone()).or_default();
        if line.waiting.len() >= self.options.waiting_a_tenant {
            return Err(TooManyWait);
        }
        line.waiting.push_back(job);
        let first = line.waiting.len() == 1;
        let has_threads = line.threads >= self.options.threads_a_tenant;
        lines.waiting += 1;
        if first {
            lines.turns.push_back(tenant.clone());
        }
        // Where the tenant has all its threads, one of them comes to this job.
        if lines.threads < self.options.threads && !has_threads {
            lines.threads += 1;
            drop(lines);
            let threads = self.clone();
            tokio::task::spawn_blocking(move || threads.work());
        }
        Ok(())
    }

    fn work(&self) {
        let take = || self.lines.lock().next(&self.options);
        while let Some((tenant, job)) = take() {
            // A panic loses its own job, whose publisher is told to repeat it.
            let _ = catch_unwind(AssertUnwindSafe(job));
            self.lines.lock().done(&tenant);
        }
    }
}

impl Lines {
    /// The next job; none, and a thread less, when nothing may be taken.
    fn next(&mut self, options: &FilterThreadsOptions) -> Option<(Scope, Job)> {
        for _ in 0..self.turns.len() {
            let Some(tenant) = self.turns.pop_front() else {
                break;
            };
            let Some(line) = self.tenants.get_mut(&tenant) else {
                continue;
            };
            if line.threads >= options.threads_a_tenant {
                self.turns.push_back(tenant);
                continue;
            }
            let Some(job) = line.waiting.pop_front() else {
                continue;
            };
            line.threads += 1;
            if !line.waiting.is_empty() {
                self.turns.push_back(tenant.clone());
            }
            self.waiting -= 1;
            return Some((tenant, job));
        }
        self.threads -= 1;
        None
    }

    fn done(&mut self, tenant: &Scope) {
        if let Some(line) = self.tenants.get_mut(tenant) {
            line.threads -= 1;
            if line.threads == 0 && line.waiting.is_empty() {
                self.tenants.remove(tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use fanfare_domain::name::{EnvironmentId, TenantId};

    use super::*;

    fn tenant(id: &str) -> Scope {
        Scope {
            environment: EnvironmentId::parse("default").unwrap(),
            tenant: TenantId::parse(id).unwrap(),
        }
    }

    fn threads(threads: usize, waiting_a_tenant: usize, waiting: usize) -> FilterThreads {
        FilterThreads::new(FilterThreadsOptions {
            waiting_a_tenant,
            waiting,
            ..FilterThreadsOptions::with_threads(threads)
        })
    }

    /// Something to do that lasts until it is let go; answers once it was begun.
    async fn hold(
        threads: &FilterThreads,
        of: &str,
    ) -> (
        mpsc::Sender<()>,
        tokio::task::JoinHandle<Result<(), TooManyWait>>,
    ) {
        let (let_go, held) = mpsc::channel::<()>();
        let (begun, began) = oneshot::channel();
        let (threads, of) = (threads.clone(), tenant(of));
        let running = tokio::spawn(async move {
            let job = move || {
                let _ = begun.send(());
                let _ = held.recv();
            };
            threads.run(&of, job).await
        });
        began.await.unwrap();
        (let_go, running)
    }

    #[tokio::test]
    async fn a_tenant_leaves_a_thread_to_the_others() {
        let threads = threads(2, 10, 10);
        let (let_go, running) = hold(&threads, "flood").await;
        let of = tenant("flood");
        let flood = (0..5).map(|_| threads.run(&of, || ()));
        let mut flood = Box::pin(futures_util::future::join_all(flood));
        assert!(futures_util::poll!(&mut flood).is_pending());
        assert_eq!(threads.run(&tenant("other"), || 7).await, Ok(7));
        assert!(futures_util::poll!(&mut flood).is_pending());
        drop(let_go);
        assert!(flood.await.iter().all(Result::is_ok));
        assert_eq!(running.await.unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn tenants_take_turns_on_one_thread() {
        let threads = threads(1, 10, 10);
        let (let_go, _running) = hold(&threads, "a").await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let one = |of: &'static str| {
            let order = Arc::clone(&order);
            let threads = threads.clone();
            async move {
                threads
                    .run(&tenant(of), move || order.lock().push(of))
                    .await
            }
        };
        let all = ["a", "a", "a", "b", "b", "c"].map(one);
        let mut all = Box::pin(futures_util::future::join_all(all));
        assert!(futures_util::poll!(&mut all).is_pending());
        drop(let_go);
        all.await;
        assert_eq!(*order.lock(), ["a", "b", "c", "a", "b", "a"]);
    }

    #[tokio::test]
    async fn past_the_bounds_nothing_is_taken() {
        let threads = threads(1, 2, 3);
        let (let_go, _running) = hold(&threads, "a").await;
        let wait = |of: &'static str| {
            let threads = threads.clone();
            Box::pin(async move { threads.run(&tenant(of), || ()).await })
        };
        let mut waiting = [wait("a"), wait("a"), wait("b")];
        for each in &mut waiting[..2] {
            assert!(futures_util::poll!(each).is_pending());
        }
        assert_eq!(wait("a").await, Err(TooManyWait));
        assert!(futures_util::poll!(&mut waiting[2]).is_pending());
        assert_eq!(wait("c").await, Err(TooManyWait));
        drop(let_go);
        for each in waiting {
            assert_eq!(each.await, Ok(()));
        }
        assert_eq!(wait("c").await, Ok(()));
    }

    #[tokio::test]
    async fn a_panic_loses_its_own_job_only() {
        let threads = threads(1, 10, 10);
        let broken = threads.run(&tenant("a"), || panic!("on purpose")).await;
        assert_eq!(broken, Err::<(), _>(TooManyWait));
        assert_eq!(threads.run(&tenant("a"), || 7).await, Ok(7));
    }
}
