//! What jobs are made from, and changed by.

use fanfare_app::recovery::{Action, JobChange, JobDraft, RecoverDraft};
use fanfare_domain::delivery::StateName;
use fanfare_domain::job::{Filter, JobState, Missing};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::body::input;
use crate::deliveries::view::State;
use crate::time::Time;

/// What an endpoint is brought: `failed` are deliveries that failed; `missed` adds those that were
/// discarded because the endpoint was disabled, and events that it asks for and has no delivery of,
/// because it was disabled or did not ask for them then; `everything` are all events that it asks for,
/// those that arrived too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RecoveryScope)]
pub(crate) enum MissingForm {
    /// Deliveries that failed.
    Failed,
    /// What it did not get, for whatever reason but being cancelled.
    Missed,
    /// All of it.
    Everything,
}

/// What an endpoint is brought.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RecoveryInput)]
pub(crate) struct RecoverInput {
    /// From this time on: when deliveries were made, or events published.
    #[schema(required, nullable = false)]
    since: Option<Time>,
    /// Before this time; unless told, up to now. What comes later is never taken.
    until: Option<Time>,
    /// What is brought; `failed` unless told.
    #[schema(inline)]
    what: Option<MissingForm>,
    /// The most deliveries in a second; unless told, and at most, as the server is set.
    #[schema(minimum = 1, example = 100)]
    rate: Option<u32>,
}

/// What a job does: `retry` repeats deliveries that ended, `cancel` discards deliveries that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BulkAction)]
pub(crate) enum ActionForm {
    /// Repeats deliveries that ended.
    Retry,
    /// Discards deliveries that wait.
    Cancel,
}

/// Which deliveries: those that fit all of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DeliveryFilter)]
pub(crate) struct FilterForm {
    /// In one of these states: for a retry `failed`, `discarded` or `delivered`, and `failed` unless told.
    /// A cancellation takes what waits.
    #[schema(max_items = 4)]
    states: Option<Vec<State>>,
    /// To this endpoint.
    #[schema(example = "ep_01m5d3xq9sabcdefghjkmnpqrs")]
    endpoint: Option<String>,
    /// Of events of this type.
    #[schema(example = "invoice.paid")]
    event_type: Option<String>,
    /// Whose last attempt had this kind of error, as attempts have it.
    #[schema(example = "timeout")]
    last_error: Option<String>,
    /// Whose last attempt was answered by this status.
    #[schema(minimum = 100, maximum = 999, example = 503)]
    last_status: Option<u16>,
    /// Made at this time or later.
    since: Option<Time>,
    /// Made before this time; unless told, up to now. What is made later is never taken.
    until: Option<Time>,
}

/// What a job is made from.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = JobInput)]
pub(crate) struct JobInput {
    /// What it does.
    #[schema(required, nullable = false)]
    action: Option<ActionForm>,
    /// With which deliveries; unless told, with all of them.
    filter: Option<FilterForm>,
    /// The most deliveries in a second; at most as the server is set. Unless told, a retry goes as slowly as
    /// the server is set, and a cancellation as fast as it allows.
    #[schema(minimum = 1, example = 100)]
    rate: Option<u32>,
}

/// What a job can be set to.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SettableState {
    /// It goes on.
    Running,
    /// It goes on when it is set running again.
    Paused,
    /// It ends. What it made stays.
    Cancelled,
}

/// How a job is changed.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = JobChange)]
pub(crate) struct ChangeInput {
    /// Pauses it, lets it go on, or cancels it.
    #[schema(inline)]
    state: Option<SettableState>,
    /// The most deliveries in a second.
    #[schema(minimum = 1, example = 100)]
    rate: Option<u32>,
}

input!(RecoverInput, JobInput, ChangeInput);

impl From<MissingForm> for Missing {
    fn from(form: MissingForm) -> Self {
        match form {
            MissingForm::Failed => Self::Failed,
            MissingForm::Missed => Self::Missed,
            MissingForm::Everything => Self::Everything,
        }
    }
}

impl From<Missing> for MissingForm {
    fn from(what: Missing) -> Self {
        match what {
            Missing::Failed => Self::Failed,
            Missing::Missed => Self::Missed,
            Missing::Everything => Self::Everything,
        }
    }
}

impl From<RecoverInput> for RecoverDraft {
    fn from(given: RecoverInput) -> Self {
        Self {
            since: given.since.map(|time| time.0),
            until: given.until.map(|time| time.0),
            what: given.what.map(Into::into),
            rate: given.rate,
        }
    }
}

impl From<JobInput> for JobDraft {
    fn from(given: JobInput) -> Self {
        let filter = given.filter.unwrap_or_default();
        Self {
            action: given.action.map(|action| match action {
                ActionForm::Retry => Action::Retry,
                ActionForm::Cancel => Action::Cancel,
            }),
            states: filter
                .states
                .map(|states| states.into_iter().map(StateName::from).collect()),
            endpoint: filter.endpoint,
            event_type: filter.event_type,
            last_error: filter.last_error,
            last_status: filter.last_status,
            since: filter.since.map(|time| time.0),
            until: filter.until.map(|time| time.0),
            rate: given.rate,
        }
    }
}

impl From<&Filter> for FilterForm {
    fn from(filter: &Filter) -> Self {
        Self {
            states: Some(filter.states.iter().map(|state| (*state).into()).collect()),
            endpoint: filter.endpoint.map(|id| id.to_string()),
            event_type: filter.event_type.as_ref().map(ToString::to_string),
            last_error: filter.last_error.map(|kind| kind.as_str().to_owned()),
            last_status: filter.last_status,
            since: filter.since.map(Time),
            until: filter.until.map(Time),
        }
    }
}

impl From<ChangeInput> for JobChange {
    fn from(given: ChangeInput) -> Self {
        Self {
            state: given.state.map(|state| match state {
                SettableState::Running => JobState::Running,
                SettableState::Paused => JobState::Paused,
                SettableState::Cancelled => JobState::Cancelled,
            }),
            rate: given.rate,
        }
    }
}
