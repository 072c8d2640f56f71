//! Deliveries as they are shown.

use fanfare_domain::delivery::{Delivery, DeliveryState, StateName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::time::Time;

/// Where a delivery stands. It leaves `waiting` once, and never returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeliveryState)]
pub(crate) enum State {
    /// An attempt is due, under way or still to come.
    Waiting,
    /// It arrived.
    Delivered,
    /// It did not arrive, and no attempt is left.
    Failed,
    /// It is not attempted any more.
    Discarded,
}

impl From<StateName> for State {
    fn from(name: StateName) -> Self {
        match name {
            StateName::Waiting => Self::Waiting,
            StateName::Delivered => Self::Delivered,
            StateName::Failed => Self::Failed,
            StateName::Discarded => Self::Discarded,
        }
    }
}

impl From<State> for StateName {
    fn from(state: State) -> Self {
        match state {
            State::Waiting => Self::Waiting,
            State::Delivered => Self::Delivered,
            State::Failed => Self::Failed,
            State::Discarded => Self::Discarded,
        }
    }
}

/// One event on its way to one endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(crate) struct DeliveryView {
    /// Its id.
    #[schema(example = "dlv_01m5d3xq9sabcdefghjkmnpqrs")]
    id: String,
    /// The event's generated id.
    #[schema(example = "evt_01m5d3xq9sabcdefghjkmnpqrs")]
    event_id: String,
    /// The event's type.
    #[schema(example = "invoice.paid")]
    event_type: String,
    /// Where it goes.
    #[schema(example = "ep_01m5d3xq9sabcdefghjkmnpqrs")]
    endpoint_id: String,
    /// Where it stands.
    state: State,
    /// Why it failed (`exhausted`, `gone`) or was discarded (`endpoint_disabled`, `endpoint_deleted`,
    /// `payload_gone`, `expired`, `cancelled`). Others may be added.
    #[schema(required, example = "exhausted")]
    reason: Option<String>,
    /// How many attempts were made.
    attempts: u16,
    /// When the next attempt is due, or its `expires_at` where that is sooner; null where it ended.
    #[schema(required)]
    next_attempt_at: Option<Time>,
    /// When it was made.
    created_at: Time,
    /// When it ends if it has not ended before, by its event's `expires_at`; null: only its policy ends it.
    #[schema(required)]
    expires_at: Option<Time>,
    /// When it ended; null where it waits.
    #[schema(required)]
    ended_at: Option<Time>,
    /// The delivery that this one repeats.
    #[schema(required)]
    replay_of: Option<String>,
    /// The batch that it goes in, which is the `webhook-id` of its requests; null: it goes by itself.
    #[schema(required, example = "bat_01m5d3xq9sabcdefghjkmnpqrs")]
    batch_id: Option<String>,
    /// Whether it failed and holds its endpoint's order up, until it is skipped or a replay of it arrives.
    holds_order: bool,
    /// The status that the last attempt was answered.
    #[schema(required)]
    last_status: Option<u16>,
    /// The kind of error of the last attempt, as attempts have it.
    #[schema(required)]
    last_error: Option<String>,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        let (next, ended, reason) = match delivery.state {
            DeliveryState::Waiting { due_at } => (Some(due_at), None, None),
            DeliveryState::Delivered { at } => (None, Some(at), None),
            DeliveryState::Failed { at, reason } => (None, Some(at), Some(reason.as_str())),
            DeliveryState::Discarded { at, reason } => (None, Some(at), Some(reason.as_str())),
        };
        Self {
            id: delivery.id.to_string(),
            event_id: delivery.event.to_string(),
            event_type: delivery.event_type.to_string(),
            endpoint_id: delivery.endpoint.to_string(),
            state: delivery.state.name().into(),
            reason: reason.map(str::to_owned),
            attempts: delivery.attempts,
            next_attempt_at: next.map(Time),
            created_at: delivery.created_at.into(),
            expires_at: delivery.expires_at.map(Time),
            ended_at: ended.map(Time),
            replay_of: delivery.replay_of.map(|id| id.to_string()),
            batch_id: delivery.batch.map(|place| place.batch().to_string()),
            holds_order: delivery.turn.is_some_and(|turn| turn.holds),
            last_status: delivery.last_status,
            last_error: delivery.last_error.map(|kind| kind.as_str().to_owned()),
        }
    }
}
