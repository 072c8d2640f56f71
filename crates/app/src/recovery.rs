//! Recovery: many deliveries repeated or cancelled at once, as jobs.
//!
//! A job is kept in the deliveries part. The [runner](Fanfare::run_jobs) goes through its set in small
//! steps: a short read of what comes next, then one commit of what it made of that together with how
//! far it has come. So each delivery is taken once, whatever crashes and however often; a commit whose
//! answer was lost is found out by the job's revision. Memory does not depend on the size of a job.
//!
//! What a job makes are rows that wait, found by their lanes as retries are. It makes no more of them
//! in a second than its rate says.
//!
//! # What it takes
//!
//! Its set is what was made, or published, before the job was. A delivery is judged by how it stands when
//! the job comes to it, and repeated only where it is the newest of its event to its endpoint: one that
//! was repeated before is judged by its repetition.

use std::time::Duration;

use fanfare_domain::attempt::ErrorKind;
use fanfare_domain::delivery::StateName;
use fanfare_domain::fault::Fault;
use fanfare_domain::id::{EndpointId, JobId};
use fanfare_domain::job::{Filter, Job, JobState, Missing, Work};
use fanfare_domain::name::{EnvironmentId, EventTypeName, Scope, TenantId};
use fanfare_domain::quota::Quota;
use fanfare_domain::time::Timestamp;

use crate::error::{Conflict, Exceeded, Faults, UseCaseError};
use crate::fanfare::Fanfare;
use crate::port::jobs::{JobBounds, JobChanged, JobMade, JobQuery, JobStep, KeptJob};
use crate::repository::TRIES;

mod cancel;
mod missed;
mod offer;
mod pace;
mod repeat;
mod runner;

pub use offer::Offer;

/// When to come again with too many open jobs: it helps once one has ended.
const JOBS_AGAIN: Duration = Duration::from_secs(60);

/// Bounds of jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobLimits {
    /// Deliveries that a job takes in a second unless its maker says otherwise.
    pub rate: u32,
    /// The most that its maker may ask for.
    pub rate_most: u32,
    /// The most open jobs of a tenant.
    pub of_tenant: usize,
    /// The most open jobs in all.
    pub in_all: usize,
}

impl Default for JobLimits {
    fn default() -> Self {
        Self {
            rate: 200,
            rate_most: 2_000,
            of_tenant: 10,
            in_all: 200,
        }
    }
}

/// What an endpoint is brought, as it was asked for.
#[derive(Clone, Debug, Default)]
pub struct RecoverDraft {
    /// From when on.
    pub since: Option<Timestamp>,
    /// Before when.
    pub until: Option<Timestamp>,
    /// What of it; what failed unless told.
    pub what: Option<Missing>,
    /// Deliveries in a second.
    pub rate: Option<u32>,
}

/// What a job by filter does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Repeats deliveries that ended.
    Retry,
    /// Discards deliveries that wait.
    Cancel,
}

/// A job by filter, as it was asked for.
#[derive(Clone, Debug, Default)]
pub struct JobDraft {
    /// What it does.
    pub action: Option<Action>,
    /// The deliveries' states; for a retry, those that failed unless told.
    pub states: Option<Vec<StateName>>,
    /// Their endpoint's id.
    pub endpoint: Option<String>,
    /// Their events' type.
    pub event_type: Option<String>,
    /// The kind of error of their last attempt.
    pub last_error: Option<String>,
    /// The status that their last attempt was answered.
    pub last_status: Option<u16>,
    /// Made from when on.
    pub since: Option<Timestamp>,
    /// Made before when.
    pub until: Option<Timestamp>,
    /// Deliveries in a second.
    pub rate: Option<u32>,
}

/// A change of a job, as it was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct JobChange {
    /// Running, paused or cancelled.
    pub state: Option<JobState>,
    /// Deliveries in a second.
    pub rate: Option<u32>,
}

/// Whose jobs are meant: a tenant's, or all of an environment.
#[derive(Clone, Copy, Debug)]
pub struct Realm<'a> {
    /// The environment.
    pub environment: &'a EnvironmentId,
    /// The tenant; none: all.
    pub tenant: Option<&'a TenantId>,
}

impl<'a> From<&'a Scope> for Realm<'a> {
    fn from(scope: &'a Scope) -> Self {
        Self {
            environment: &scope.environment,
            tenant: Some(&scope.tenant),
        }
    }
}

fn too_many(detail: String) -> UseCaseError {
    UseCaseError::Limit(Exceeded {
        quota: Quota::Jobs,
        detail,
        retry_after: JOBS_AGAIN,
    })
}

impl Fanfare {
    /// Begins to bring an endpoint what it did not get.
    ///
    /// # Errors
    /// When the tenant has no such endpoint, it is disabled, the draft is wrong, or there are too many
    /// open jobs.
    pub async fn recover_endpoint(
        &self,
        scope: &Scope,
        endpoint: &str,
        draft: RecoverDraft,
        found: Vec<Fault>,
    ) -> Result<Job, UseCaseError> {
        let endpoint = self.endpoint(scope, endpoint).await?;
        let now = self.ports.clock.now();
        let mut faults = Faults::new(found);
        match draft.since {
            None => faults.add("#/since", "is required"),
            Some(since) => check_span(Some(since), draft.until, now, "#", &mut faults),
        }
        let rate = self.job_rate(draft.rate, &mut faults);
        faults.refuse_if_any()?;
        if !endpoint.enabled() {
            let disabled = "the endpoint is disabled; enable it first".to_owned();
            return Err(Conflict::State(disabled).into());
        }
        let work = Work::Recover {
            endpoint: endpoint.id,
            what: draft.what.unwrap_or(Missing::Failed),
            since: draft.since.unwrap_or_default(),
            until: draft.until,
        };
        self.begin_job(scope.into(), work, rate, now).await
    }

    /// Begins to repeat, or to discard, the deliveries that fit a filter.
    ///
    /// # Errors
    /// When the draft is wrong, or there are too many open jobs.
    pub async fn make_job(
        &self,
        realm: Realm<'_>,
        draft: JobDraft,
        found: Vec<Fault>,
    ) -> Result<Job, UseCaseError> {
        let now = self.ports.clock.now();
        let mut faults = Faults::new(found);
        // A cancellation sends nothing, and each moment counts.
        let hurry = draft.action == Some(Action::Cancel);
        let usual = hurry.then_some(self.limits.jobs.rate_most);
        let rate = self.job_rate(draft.rate.or(usual), &mut faults);
        check_span(draft.since, draft.until, now, "#/filter", &mut faults);
        let states = match (draft.action, draft.states) {
            (None, _) => {
                faults.add("#/action", "is required: retry or cancel");
                Vec::new()
            }
            (Some(Action::Retry), None) => vec![StateName::Failed],
            (Some(Action::Retry), Some(states)) => {
                if states.is_empty() || states.contains(&StateName::Waiting) {
                    faults.add(
                        "#/filter/states",
                        "must be one or more of delivered, failed and discarded: what waits is \
                         attempted anyway",
                    );
                }
                states
            }
            (Some(Action::Cancel), given) => {
                if given.is_some_and(|states| states != [StateName::Waiting]) {
                    let detail = "must be left out: only what waits can be cancelled";
                    faults.add("#/filter/states", detail);
                }
                vec![StateName::Waiting]
            }
        };
        let endpoint = draft.endpoint.map(|text| EndpointId::parse(&text));
        let endpoint = check("endpoint", endpoint, &mut faults);
        let event_type = draft.event_type.map(|text| EventTypeName::parse(&text));
        let event_type = check("event_type", event_type, &mut faults);
        let kinds = || format!("must be one of {}", ErrorKind::names());
        let last_error = draft.last_error;
        let last_error = last_error.map(|text| ErrorKind::parse(&text).ok_or_else(kinds));
        let last_error = check("last_error", last_error, &mut faults);
        faults.refuse_if_any()?;
        let filter = Filter {
            states,
            endpoint,
            event_type,
            last_error,
            last_status: draft.last_status,
            since: draft.since,
            until: draft.until,
        };
        let work = match draft.action {
            Some(Action::Cancel) => Work::Cancel { filter },
            _ => Work::Retry { filter },
        };
        self.begin_job(realm, work, rate, now).await
    }

    /// One job.
    ///
    /// # Errors
    /// When there is no such job there.
    pub async fn job(&self, realm: Realm<'_>, id: &str) -> Result<Job, UseCaseError> {
        Ok(self.kept_job(realm, id).await?.job)
    }

    /// Jobs, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn jobs(
        &self,
        realm: Realm<'_>,
        before: Option<JobId>,
        limit: usize,
    ) -> Result<Vec<Job>, UseCaseError> {
        let query = JobQuery {
            environment: realm.environment.clone(),
            tenant: realm.tenant.cloned(),
            before,
            limit,
        };
        let kept = self.ports.deliveries.jobs(&query).await?;
        Ok(kept.into_iter().map(|kept| kept.job).collect())
    }

    /// Pauses, resumes or cancels a job, or gives it another rate.
    ///
    /// # Errors
    /// When there is no such job there, it has ended, or the change is wrong.
    pub async fn change_job(
        &self,
        realm: Realm<'_>,
        id: &str,
        change: JobChange,
        found: Vec<Fault>,
    ) -> Result<Job, UseCaseError> {
        self.kept_job(realm, id).await?;
        let mut faults = Faults::new(found);
        let settable = [JobState::Running, JobState::Paused, JobState::Cancelled];
        if change.state.is_some_and(|state| !settable.contains(&state)) {
            faults.add("#/state", "must be running, paused or cancelled");
        }
        if change.rate.is_some() {
            self.job_rate(change.rate, &mut faults);
        }
        faults.refuse_if_any()?;
        for _ in 0..TRIES {
            let KeptJob { mut job, revision } = self.kept_job(realm, id).await?;
            let now = self.ports.clock.now();
            if !job.state.open() {
                if change.state == Some(job.state) && change.rate.is_none() {
                    return Ok(job);
                }
                let ended = format!("the job has ended, it is {}", job.state.as_str());
                return Err(Conflict::State(ended).into());
            }
            job.rate = change.rate.unwrap_or(job.rate);
            job.updated_at = now;
            match change.state {
                Some(JobState::Cancelled) => job.end(JobState::Cancelled, None, now),
                Some(state) => {
                    job.state = state;
                    job.reason = None;
                }
                None => {}
            }
            let deliveries = &self.ports.deliveries;
            let step = JobStep::of(job.clone(), revision);
            let changed = deliveries.change_job(step).await?;
            if changed != JobChanged::Outdated {
                self.told_of_job.notify_one();
                return Ok(job);
            }
        }
        Err(Conflict::Changed("job").into())
    }

    async fn kept_job(&self, realm: Realm<'_>, id: &str) -> Result<KeptJob, UseCaseError> {
        let unknown = || UseCaseError::not_found("job", id);
        let key = JobId::parse(id).map_err(|_| unknown())?;
        let kept = self.ports.deliveries.job(realm.environment, key).await?;
        kept.filter(|kept| realm.tenant.is_none() || kept.job.tenant.as_ref() == realm.tenant)
            .ok_or_else(unknown)
    }

    fn job_rate(&self, asked: Option<u32>, faults: &mut Faults) -> u32 {
        let limits = &self.limits.jobs;
        let most = limits.rate_most.max(1);
        if asked.is_some_and(|rate| !(1..=most).contains(&rate)) {
            faults.add("#/rate", format!("must be from 1 to {most}"));
        }
        asked.unwrap_or(limits.rate.clamp(1, most))
    }

    async fn begin_job(
        &self,
        realm: Realm<'_>,
        work: Work,
        rate: u32,
        now: Timestamp,
    ) -> Result<Job, UseCaseError> {
        let id = JobId::new(now, self.ports.random.bits());
        let (environment, tenant) = (realm.environment.clone(), realm.tenant.cloned());
        let job = Job::new(id, environment, tenant, work, rate, now);
        let limits = &self.limits.jobs;
        let bounds = JobBounds {
            of_tenant: limits.of_tenant,
            in_all: limits.in_all,
        };
        match self.ports.deliveries.make_job(job.clone(), bounds).await? {
            JobMade::Made => {
                self.told_of_job.notify_one();
                Ok(job)
            }
            JobMade::TenantHasTooMany => Err(too_many(format!(
                "there are {} open jobs here, the most that this server allows; wait for one or cancel it",
                bounds.of_tenant
            ))),
            JobMade::TooMany => Err(too_many(format!(
                "this server has {} open jobs, the most that it allows; wait for one or cancel it",
                bounds.in_all
            ))),
        }
    }
}

/// A member of the filter, if it could be read.
fn check<T>(
    member: &str,
    read: Option<Result<T, impl ToString>>,
    faults: &mut Faults,
) -> Option<T> {
    match read? {
        Ok(value) => Some(value),
        Err(cause) => {
            faults.add(format!("#/filter/{member}"), cause);
            None
        }
    }
}

fn check_span(
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    now: Timestamp,
    place: &str,
    faults: &mut Faults,
) {
    if since.is_some_and(|since| since > now) {
        faults.add(format!("{place}/since"), "must not lie in the future");
    }
    if let (Some(since), Some(until)) = (since, until)
        && until <= since
    {
        faults.add(format!("{place}/until"), "must be later than since");
    }
}
