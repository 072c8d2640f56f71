//! Deliveries: one event on its way to one endpoint.

use serde::{Deserialize, Serialize};

use crate::batch::InBatch;
use crate::id::{DeliveryId, EndpointId, EventId};
use crate::name::{EventTypeName, Scope};
use crate::order::Turn;
use crate::time::Timestamp;

/// One event on its way to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Names it.
    pub id: DeliveryId,
    /// Whose it is.
    pub scope: Scope,
    /// What is delivered.
    pub event: EventId,
    /// The event's type, so that lists can be filtered without the event.
    pub event_type: EventTypeName,
    /// Where it goes.
    pub endpoint: EndpointId,
    /// Where it stands.
    pub state: DeliveryState,
    /// How many attempts were made.
    pub attempts: u16,
    /// How many of them were extra ones, which the schedule does not count.
    pub extra_attempts: u16,
    /// The delivery that this one repeats.
    pub replay_of: Option<DeliveryId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends if it has not ended before; none: only its policy ends it.
    pub expires_at: Option<Timestamp>,
    /// When its first attempt began; from then its policy's total time counts.
    pub first_attempt_at: Option<Timestamp>,
    /// What the last attempt was answered.
    pub last_status: Option<u16>,
    /// The kind of error of the last attempt.
    pub last_error: Option<crate::attempt::ErrorKind>,
    /// Where it stands in the order of its endpoint; none where it stands in no order, as replays do.
    pub turn: Option<Turn>,
    /// Its place in a batch; none where it was not put into one.
    pub batch: Option<InBatch>,
}

/// Where a delivery stands. It leaves `Waiting` once, and never returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// Its next attempt is due then.
    Waiting {
        /// When.
        due_at: Timestamp,
    },
    /// It arrived.
    Delivered {
        /// When.
        at: Timestamp,
    },
    /// It did not arrive, and no attempt is left.
    Failed {
        /// When that was known.
        at: Timestamp,
        /// Why no attempt is left.
        reason: FailedReason,
    },
    /// It is not attempted any more.
    Discarded {
        /// Since when.
        at: Timestamp,
        /// Why.
        reason: DiscardedReason,
    },
}

/// Why no attempt is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailedReason {
    /// All attempts of the schedule, or its total time, are used up.
    Exhausted,
    /// The endpoint answered 410 Gone.
    Gone,
}

/// Why a delivery is not attempted any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiscardedReason {
    /// Its endpoint was disabled.
    EndpointDisabled,
    /// Its endpoint was deleted.
    EndpointDeleted,
    /// Its event's payload is not kept any more.
    PayloadGone,
    /// Its event's `expires_at` came before it had ended otherwise.
    Expired,
    /// Somebody cancelled it.
    Cancelled,
}

/// The names of the states, for filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateName {
    /// See [`DeliveryState::Waiting`].
    Waiting,
    /// See [`DeliveryState::Delivered`].
    Delivered,
    /// See [`DeliveryState::Failed`].
    Failed,
    /// See [`DeliveryState::Discarded`].
    Discarded,
}

impl Delivery {
    /// Whether its time was over at `now`.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Makes it due at its end, where it waits for a time after that: then it is taken up and discarded.
    pub fn wait_no_longer_than_its_end(&mut self) {
        if let (DeliveryState::Waiting { due_at }, Some(end)) = (&mut self.state, self.expires_at) {
            *due_at = end.min(*due_at);
        }
    }

    /// Whether it may be put into a batch: one of its event's own that has not been attempted. Replays and
    /// what is brought after it was missed go alone, and so does what was tried by itself before.
    #[must_use]
    pub fn may_join_a_batch(&self) -> bool {
        self.batch.is_none() && self.attempts == 0 && self.id.event() == self.event
    }

    /// A delivery that repeats this one from the start.
    #[must_use]
    pub fn replay(self, id: DeliveryId, now: Timestamp) -> Self {
        Self {
            id,
            state: DeliveryState::Waiting { due_at: now },
            attempts: 0,
            extra_attempts: 0,
            replay_of: Some(self.id),
            created_at: now,
            first_attempt_at: None,
            last_status: None,
            last_error: None,
            // Who asks for it wants it now, whatever the event said.
            expires_at: None,
            turn: None,
            batch: None,
            ..self
        }
    }
}

impl DeliveryState {
    /// The state's name.
    #[must_use]
    pub const fn name(&self) -> StateName {
        match self {
            Self::Waiting { .. } => StateName::Waiting,
            Self::Delivered { .. } => StateName::Delivered,
            Self::Failed { .. } => StateName::Failed,
            Self::Discarded { .. } => StateName::Discarded,
        }
    }

    /// Whether it is one of the three ends.
    #[must_use]
    pub const fn ended(&self) -> bool {
        !matches!(self, Self::Waiting { .. })
    }
}

impl StateName {
    /// Its name in the API and the metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Discarded => "discarded",
        }
    }
}

impl FailedReason {
    /// Its name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exhausted => "exhausted",
            Self::Gone => "gone",
        }
    }
}

impl DiscardedReason {
    /// Its name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EndpointDisabled => "endpoint_disabled",
            Self::EndpointDeleted => "endpoint_deleted",
            Self::PayloadGone => "payload_gone",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }
}
