//! How fast a job goes.

use std::collections::HashMap;
use std::time::Duration;

use fanfare_domain::id::JobId;
use tokio::time::Instant;

/// The most deliveries of one step, so that no commit is long.
const STEP: u32 = 250;
/// Steps of a second, so that what a job makes comes evenly.
const STEPS: u32 = 5;
/// A breath after a step that took nothing, so that other work gets the store.
const BREATH: Duration = Duration::from_millis(20);
/// How long to wait before a step is tried again, when the store was not available.
const AGAIN: Duration = Duration::from_secs(1);

/// When each running job makes its next step.
#[derive(Debug, Default)]
pub(super) struct Paces(HashMap<JobId, Instant>);

impl Paces {
    /// Whether a job's next step is due.
    pub(super) fn due(&self, job: JobId, now: Instant) -> bool {
        self.0.get(&job).is_none_or(|at| *at <= now)
    }

    /// A job took so many deliveries in a step that began at `began`.
    pub(super) fn took(&mut self, job: JobId, count: u64, rate: u32, began: Instant) {
        let wait = Duration::from_secs_f64(count as f64 / f64::from(rate.max(1)));
        self.0.insert(job, began + wait.max(BREATH));
    }

    /// A job has to wait.
    pub(super) fn wait(&mut self, job: JobId, until: Instant) {
        self.0.insert(job, until);
    }

    /// A job's step failed.
    pub(super) fn failed(&mut self, job: JobId, now: Instant) {
        self.0.insert(job, now + AGAIN);
    }

    /// Forgets all jobs but these.
    pub(super) fn keep(&mut self, running: impl Fn(&JobId) -> bool) {
        self.0.retain(|job, _| running(job));
    }

    /// When the first of them is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.values().min().copied()
    }
}

/// How many deliveries a step takes at most.
pub(super) fn step(rate: u32) -> usize {
    (rate / STEPS).clamp(1, STEP) as usize
}
