//! Jobs: work on many deliveries that goes on beside everything else, in small steps.

use serde::{Deserialize, Serialize};

use crate::attempt::ErrorKind;
use crate::delivery::{Delivery, DeliveryState, DiscardedReason, StateName};
use crate::id::{DeliveryId, EndpointId, JobId};
use crate::name::{EnvironmentId, EventTypeName, TenantId};
use crate::time::Timestamp;

/// Work on many deliveries.
///
/// Its set is bounded by its making: what is made afterwards, its own replays among them, is never
/// taken. It goes through the set once, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Names it.
    pub id: JobId,
    /// Where it works.
    pub environment: EnvironmentId,
    /// The only tenant whose deliveries it takes; none: all of the environment.
    pub tenant: Option<TenantId>,
    /// What it does.
    pub work: Work,
    /// The most deliveries that it takes in a second.
    pub rate: u32,
    /// Where it stands.
    pub state: JobState,
    /// Why it stands there, where nobody said so.
    pub reason: Option<JobReason>,
    /// What it did.
    pub progress: Progress,
    /// Everything in its set up to this one was looked at; for events, the bits of an event's id.
    pub cursor: Option<DeliveryId>,
    /// For a cancellation, which may have to go through its set again.
    #[serde(default)]
    pub pass: Option<Pass>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last did something, or was changed.
    pub updated_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// What a job does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum Work {
    /// Brings an endpoint what it did not get.
    Recover {
        /// The endpoint.
        endpoint: EndpointId,
        /// What it is brought.
        what: Missing,
        /// Only what was made, or published, at this time or later.
        since: Timestamp,
        /// Only what was made, or published, before this time.
        until: Option<Timestamp>,
    },
    /// Repeats deliveries that ended.
    Retry {
        /// Which.
        filter: Filter,
    },
    /// Discards deliveries that wait.
    Cancel {
        /// Which.
        filter: Filter,
    },
}

/// How a cancellation goes through its set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// The end of the log after the job was made: up to there, accepted events belong to the set.
    pub log_end: i64,
    /// Whether this pass is the last one: every event of the set had its rows when it began, and nothing
    /// was under way when the pass came to it.
    pub last: bool,
}

/// What an endpoint is brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// Deliveries that failed.
    Failed,
    /// Deliveries that failed or were discarded because the endpoint was disabled, and events that it
    /// asks for and has no delivery of, because it was disabled or did not ask for them then.
    Missed,
    /// All events that it asks for or had, those that arrived too.
    Everything,
}

/// Which deliveries: those that fit all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// In one of these states; none: in any.
    pub states: Vec<StateName>,
    /// To this endpoint.
    pub endpoint: Option<EndpointId>,
    /// Of events of this type.
    pub event_type: Option<EventTypeName>,
    /// Whose last attempt had this kind of error.
    pub last_error: Option<ErrorKind>,
    /// Whose last attempt was answered by this status.
    pub last_status: Option<u16>,
    /// Made at this time or later.
    pub since: Option<Timestamp>,
    /// Made before this time.
    pub until: Option<Timestamp>,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It goes on.
    Running,
    /// It goes on when it is resumed.
    Paused,
    /// It went through its set.
    Completed,
    /// Somebody ended it. What it made stays.
    Cancelled,
    /// It can't go on. What it made stays.
    Failed,
}

/// Why a job stands where it does, where nobody said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobReason {
    /// Its endpoint was disabled: it is paused.
    EndpointDisabled,
    /// Its endpoint was deleted: it failed.
    EndpointDeleted,
    /// Its tenant was deleted: it failed.
    TenantDeleted,
}

/// What a job did. Each counts deliveries; events that have none count as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Looked at, and in its set: the sum of the others.
    pub matched: u64,
    /// Repeated, delivered for the first time, or discarded.
    pub taken: u64,
    /// Not taken: repeated since, arrived, their endpoint disabled or gone, their event's data not kept
    /// any more.
    pub skipped: u64,
    /// Still on their way, so that there is nothing to repeat.
    pub left_alone: u64,
}

/// What a job does with a delivery, or with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Repeats or discards it.
    Take,
    /// Counts it as skipped.
    Skip,
    /// Counts it as left alone.
    LeaveAlone,
}

impl Missing {
    /// What follows for an event whose newest delivery to the endpoint stands so.
    #[must_use]
    pub const fn judge(self, newest: &DeliveryState) -> Verdict {
        match (newest, self) {
            (DeliveryState::Waiting { .. }, _) => Verdict::LeaveAlone,
            (DeliveryState::Failed { .. }, _) | (_, Self::Everything) => Verdict::Take,
            (
                DeliveryState::Discarded {
                    reason: DiscardedReason::EndpointDisabled,
                    ..
                },
                Self::Missed,
            ) => Verdict::Take,
            // It arrived, or somebody wanted it not to be sent.
            _ => Verdict::Skip,
        }
    }
}

impl Progress {
    /// Counts one more.
    pub const fn count(&mut self, verdict: Verdict) {
        self.matched += 1;
        match verdict {
            Verdict::Take => self.taken += 1,
            Verdict::Skip => self.skipped += 1,
            Verdict::LeaveAlone => self.left_alone += 1,
        }
    }
}

impl Job {
    /// One that runs from now on, and has done nothing yet.
    #[must_use]
    pub fn new(
        id: JobId,
        environment: EnvironmentId,
        tenant: Option<TenantId>,
        work: Work,
        rate: u32,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            environment,
            tenant,
            work,
            rate,
            state: JobState::Running,
            reason: None,
            progress: Progress::default(),
            cursor: None,
            pass: None,
            created_at: now,
            updated_at: now,
            ended_at: None,
        }
    }

    /// Ends it.
    pub const fn end(&mut self, state: JobState, reason: Option<JobReason>, now: Timestamp) {
        self.state = state;
        self.reason = reason;
        self.updated_at = now;
        self.ended_at = Some(now);
    }
}

impl Filter {
    /// Whether a delivery is meant.
    #[must_use]
    pub fn fits(&self, delivery: &Delivery) -> bool {
        (self.states.is_empty() || self.states.contains(&delivery.state.name()))
            && self.endpoint.is_none_or(|id| id == delivery.endpoint)
            && (self.event_type.as_ref()).is_none_or(|name| *name == delivery.event_type)
            && (self.last_error).is_none_or(|kind| delivery.last_error == Some(kind))
            && (self.last_status).is_none_or(|status| delivery.last_status == Some(status))
            && self.since.is_none_or(|since| delivery.created_at >= since)
            && self.until.is_none_or(|until| delivery.created_at < until)
    }
}

impl JobState {
    /// Whether it may still do something.
    #[must_use]
    pub const fn open(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }

    /// Its name in the API, the log and the metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}

impl Work {
    /// Its name in the API, the log and the metrics.
    #[must_use]
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Recover { .. } => "recover",
            Self::Retry { .. } => "retry",
            Self::Cancel { .. } => "cancel",
        }
    }
}

impl JobReason {
    /// Its name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EndpointDisabled => "endpoint_disabled",
            Self::EndpointDeleted => "endpoint_deleted",
            Self::TenantDeleted => "tenant_deleted",
        }
    }
}
