//! Jobs as they are shown.

use axum::response::{IntoResponse, Response};
use fanfare_domain::job::{Job, JobReason, JobState, Work};
use http::StatusCode;
use http::header::{HeaderValue, LOCATION};
use serde::Serialize;
use utoipa::ToSchema;

use super::form::{FilterForm, MissingForm};
use crate::time::Time;

/// What a job does: `recover` brings an endpoint what it did not get, `retry` repeats deliveries that
/// ended, `cancel` discards deliveries that wait.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = JobAction)]
pub(crate) enum ActionView {
    /// Brings an endpoint what it did not get.
    Recover,
    /// Repeats deliveries that ended.
    Retry,
    /// Discards deliveries that wait.
    Cancel,
}

/// Where a job stands: `running`, `paused` until it is set running again, `completed` when it went
/// through its set, `cancelled` by somebody, or `failed` because it can't go on.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = JobState)]
pub(crate) enum JobStateView {
    /// It goes on.
    Running,
    /// It goes on when it is set running again.
    Paused,
    /// It went through its set.
    Completed,
    /// Somebody ended it.
    Cancelled,
    /// It can't go on.
    Failed,
}

/// What a job did so far.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobProgress)]
pub(crate) struct ProgressView {
    /// Deliveries that fit and were looked at: the sum of the others. Events that have no delivery count
    /// as one.
    matched: u64,
    /// Those that it repeated, delivered for the first time, or cancelled.
    taken: u64,
    /// Those that it did not take: repeated since, arrived, cancelled, of an endpoint that is disabled or
    /// gone, or of an event whose data is not kept any more.
    skipped: u64,
    /// Those that were still on their way, so that there was nothing to repeat.
    left_alone: u64,
    /// Everything made before this time was looked at; null: nothing yet.
    #[schema(required)]
    reached: Option<Time>,
}

/// Many deliveries repeated or cancelled at once. Its set is what was made before the job was; each is
/// taken once, whatever happens to the server.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Job)]
pub(crate) struct JobView {
    /// Its id.
    #[schema(example = "job_01m5d3xq9sabcdefghjkmnpqrs")]
    id: String,
    /// Whose deliveries it takes; null: those of all tenants.
    #[schema(required, example = "acme")]
    tenant: Option<String>,
    /// What it does.
    action: ActionView,
    /// The endpoint that it recovers.
    #[schema(required)]
    endpoint_id: Option<String>,
    /// What the endpoint is brought.
    #[schema(required)]
    what: Option<MissingForm>,
    /// From when on.
    #[schema(required)]
    since: Option<Time>,
    /// Before when.
    #[schema(required)]
    until: Option<Time>,
    /// Which deliveries it takes; null where it recovers an endpoint.
    #[schema(required)]
    filter: Option<FilterForm>,
    /// The most deliveries in a second.
    rate: u32,
    /// Where it stands.
    state: JobStateView,
    /// Why it was paused (`endpoint_disabled`) or failed (`endpoint_deleted`, `tenant_deleted`). Others
    /// may be added.
    #[schema(required)]
    reason: Option<String>,
    /// What it did so far.
    progress: ProgressView,
    /// When it was made.
    created_at: Time,
    /// When it last did something, or was changed.
    updated_at: Time,
    /// When it ended; null: it has not.
    #[schema(required)]
    ended_at: Option<Time>,
}

impl From<JobState> for JobStateView {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Running => Self::Running,
            JobState::Paused => Self::Paused,
            JobState::Completed => Self::Completed,
            JobState::Cancelled => Self::Cancelled,
            JobState::Failed => Self::Failed,
        }
    }
}

impl From<Job> for JobView {
    fn from(job: Job) -> Self {
        let (action, recovery, filter) = match &job.work {
            Work::Recover {
                endpoint,
                what,
                since,
                until,
            } => {
                let recovery = Some((*endpoint, *what, *since, *until));
                (ActionView::Recover, recovery, None)
            }
            Work::Retry { filter } => (ActionView::Retry, None, Some(filter)),
            Work::Cancel { filter } => (ActionView::Cancel, None, Some(filter)),
        };
        let (since, until) = match (recovery, filter) {
            (Some((_, _, since, until)), _) => (Some(since), until),
            (None, filter) => (
                filter.and_then(|filter| filter.since),
                filter.and_then(|filter| filter.until),
            ),
        };
        let reached = match job.state {
            JobState::Completed => Some(until.map_or(job.created_at, |at| at.min(job.created_at))),
            _ => job.cursor.map(|cursor| cursor.made_at()),
        };
        Self {
            id: job.id.to_string(),
            tenant: job.tenant.map(|tenant| tenant.to_string()),
            action,
            endpoint_id: recovery
                .map(|(id, ..)| id)
                .or(filter.and_then(|filter| filter.endpoint))
                .map(|id| id.to_string()),
            what: recovery.map(|(_, what, ..)| what.into()),
            since: since.map(Time),
            until: until.map(Time),
            filter: filter.map(Into::into),
            rate: job.rate,
            state: job.state.into(),
            reason: job
                .reason
                .map(|reason| JobReason::as_str(reason).to_owned()),
            progress: ProgressView {
                matched: job.progress.matched,
                taken: job.progress.taken,
                skipped: job.progress.skipped,
                left_alone: job.progress.left_alone,
                reached: reached.map(Time),
            },
            created_at: job.created_at.into(),
            updated_at: job.updated_at.into(),
            ended_at: job.ended_at.map(Time),
        }
    }
}

/// 202, with the job and where it is.
pub(super) fn begun(job: Job) -> Response {
    let location = match &job.tenant {
        Some(tenant) => format!("/v1/tenants/{tenant}/jobs/{}", job.id),
        None => format!("/v1/jobs/{}", job.id),
    };
    let mut response = (StatusCode::ACCEPTED, axum::Json(JobView::from(job))).into_response();
    // Ids and tenants' names are plain.
    if let Ok(value) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(LOCATION, value);
    }
    response
}
