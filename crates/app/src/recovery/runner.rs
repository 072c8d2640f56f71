//! The runner: makes the steps of all jobs that run, one after another.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use fanfare_domain::id::{DeliveryId, EndpointId};
use fanfare_domain::job::{Job, JobReason, JobState, Missing, Work};
use fanfare_domain::name::Scope;
use tokio::time::Instant;

use super::pace::{self, Paces};
use crate::fanfare::Fanfare;
use crate::port::StoreError;
use crate::port::deliveries::{Settled, Settlement};
use crate::port::dispatch::Withheld;
use crate::port::jobs::{JobChanged, JobStep, KeptJob};

/// How often the runner looks for jobs that nobody told of.
const LOOK: Duration = Duration::from_secs(5);

/// How often it is looked whether this node is the first.
const FIRST: Duration = Duration::from_secs(1);

/// With so many deliveries due at its endpoint, a recovery waits.
const MOST_DUE: usize = 500;

/// How long it waits then before it looks again.
const BEHIND: Duration = Duration::from_millis(200);

/// What a step comes to.
pub(super) enum Step {
    /// What is to be committed.
    Commit(Box<Plan>),
    /// Nothing yet; it is to be tried again after this time.
    Wait(Duration),
}

/// What a step commits.
pub(super) struct Plan {
    /// The job as it is afterwards.
    pub(super) job: Job,
    /// What becomes of deliveries.
    pub(super) settlements: Vec<Settlement>,
    /// Those that nobody may attempt until it is committed.
    pub(super) withheld: Option<Box<dyn Withheld>>,
    /// What it ends, here or at other nodes, and counts now.
    pub(super) counted: Vec<DeliveryId>,
    /// How long the job waits afterwards.
    pub(super) pause: Duration,
}

impl Plan {
    /// A plan without deliveries.
    pub(super) fn of(job: Job) -> Self {
        Self {
            job,
            settlements: Vec::new(),
            withheld: None,
            counted: Vec::new(),
            pause: Duration::ZERO,
        }
    }
}

impl Fanfare {
    /// Makes the steps of all jobs that run. Never ends; dropping it leaves every job where its last
    /// commit left it.
    pub async fn run_jobs(&self) {
        let mut paces = Paces::default();
        // A store that fails says so once, not with every step.
        let mut failing = false;
        loop {
            match self.turn(&mut paces).await {
                Ok(()) => failing = false,
                Err(_) if failing => {}
                Err(cause) => {
                    failing = true;
                    tracing::warn!(
                        error = &cause as &dyn std::error::Error,
                        "jobs can't go on yet"
                    );
                }
            }
            let look = Instant::now() + LOOK;
            let until = paces.next().map_or(look, |next| next.min(look));
            let _ = tokio::time::timeout_at(until, self.told_of_job.notified()).await;
        }
    }

    /// The same, but only while this node is the first of those that deliver, so that no two do the same. A
    /// step that is left half way is one commit that was made or not.
    pub async fn run_jobs_while(&self, is_first: impl Fn() -> bool) {
        loop {
            until(&is_first).await;
            tokio::select! {
                // One order, so that chance decides nothing here.
                biased;
                () = self.run_jobs() => return,
                () = until(|| !is_first()) => {}
            }
        }
    }

    /// One step of each job whose time has come. The first failure is told after the others had theirs.
    async fn turn(&self, paces: &mut Paces) -> Result<(), StoreError> {
        let most = self.limits.jobs.in_all;
        let running = self.ports.deliveries.running_jobs(most).await?;
        let ids: HashSet<_> = running.iter().map(|kept| kept.job.id).collect();
        paces.keep(|id| ids.contains(id));
        let mut failed = Ok(());
        for kept in running {
            let (id, rate, began) = (kept.job.id, kept.job.rate, Instant::now());
            if !paces.due(id, began) {
                continue;
            }
            match self.step(kept).await {
                Ok(Stepped::Took(count)) => paces.took(id, count, rate, began),
                Ok(Stepped::Waits(span)) => paces.wait(id, began + span),
                Err(cause) => {
                    paces.failed(id, Instant::now());
                    failed = failed.and(Err(cause));
                }
            }
        }
        failed
    }

    async fn step(&self, kept: KeptJob) -> Result<Stepped, StoreError> {
        let KeptJob { job, revision } = kept;
        let (before, most) = (job.progress.taken, pace::step(job.rate));
        let step = match self.hindrance(&job) {
            Some((state, reason)) => Step::Commit(Box::new(self.stopped(job, state, reason))),
            None => match &job.work {
                Work::Recover { endpoint, .. } if self.is_behind(*endpoint).await? => {
                    Step::Wait(BEHIND)
                }
                Work::Recover {
                    what: Missing::Missed | Missing::Everything,
                    ..
                } => self.bring_missed(job, most).await?,
                Work::Cancel { .. } => self.cancel(job, most).await?,
                _ => self.repeat(job, most).await?,
            },
        };
        let plan = match step {
            Step::Commit(plan) => plan,
            Step::Wait(span) => return Ok(Stepped::Waits(span)),
        };
        let Plan {
            job,
            settlements,
            withheld,
            counted,
            pause,
        } = *plan;
        let settlements = Arc::new(settlements);
        let step = JobStep {
            job: job.clone(),
            revision,
            settlements: Arc::clone(&settlements),
            counted,
        };
        let changed = self.ports.deliveries.change_job(step).await?;
        let JobChanged::Done(settled) = changed else {
            // Somebody changed it; the next turn reads it anew.
            return Ok(Stepped::Took(0));
        };
        if let Some(withheld) = withheld {
            let recorded = settled.iter().filter(|each| **each == Settled::Recorded);
            withheld.ended(recorded.count());
        }
        let waiting = settlements.iter().map(|each| &each.delivery);
        let lanes: BTreeSet<EndpointId> = waiting
            .filter(|delivery| !delivery.state.ended())
            .map(|delivery| delivery.endpoint)
            .collect();
        let now = self.ports.clock.now();
        for endpoint in lanes {
            self.ports.dispatch.due(endpoint, now);
        }
        tell(&job);
        if !pause.is_zero() {
            return Ok(Stepped::Waits(pause));
        }
        Ok(Stepped::Took(job.progress.taken - before))
    }

    /// Whether an endpoint has as much to take as it should: more would only stand before what is
    /// published meanwhile, and count against the tenant's quota.
    async fn is_behind(&self, endpoint: EndpointId) -> Result<bool, StoreError> {
        let now = self.ports.clock.now();
        let due = self.ports.deliveries.due(endpoint, now, MOST_DUE).await?;
        Ok(due.deliveries.len() >= MOST_DUE)
    }

    /// Why a job can't go on as things stand.
    fn hindrance(&self, job: &Job) -> Option<(JobState, JobReason)> {
        if let Some(tenant) = &job.tenant {
            let scope = Scope {
                environment: job.environment.clone(),
                tenant: tenant.clone(),
            };
            if !self.directory.has_tenant(&scope) {
                return Some((JobState::Failed, JobReason::TenantDeleted));
            }
        }
        let Work::Recover { endpoint, .. } = &job.work else {
            return None;
        };
        match self.directory.target(*endpoint) {
            None => Some((JobState::Failed, JobReason::EndpointDeleted)),
            Some(target) if !target.endpoint.enabled() => {
                Some((JobState::Paused, JobReason::EndpointDisabled))
            }
            Some(_) => None,
        }
    }

    fn stopped(&self, mut job: Job, state: JobState, reason: JobReason) -> Plan {
        let now = self.ports.clock.now();
        if state.open() {
            (job.state, job.reason, job.updated_at) = (state, Some(reason), now);
        } else {
            job.end(state, Some(reason), now);
        }
        Plan::of(job)
    }
}

async fn until(met: impl Fn() -> bool) {
    while !met() {
        tokio::time::sleep(FIRST).await;
    }
}

/// What a step did.
enum Stepped {
    /// It took so many deliveries.
    Took(u64),
    /// It has to wait.
    Waits(Duration),
}

fn tell(job: &Job) {
    if job.state != JobState::Running {
        tracing::info!(
            job.id = %job.id,
            job.action = job.work.action(),
            job.state = job.state.as_str(),
            job.reason = job.reason.map(JobReason::as_str),
            job.taken = job.progress.taken,
            job.skipped = job.progress.skipped,
            job.left_alone = job.progress.left_alone,
            "job stands still"
        );
    }
}
