//! Operational events: what an operator wants to hear of, as events of a tenant of the operator's own.
//!
//! A tenant that is marked as operational gets the operational events of its environment: it
//! subscribes to them, and they are signed, retried and looked up, like any other. Until an
//! environment has such a tenant, and it an enabled endpoint that asks for the type, nothing is made.
//!
//! A [`Notice`] says that a state changed. It becomes an event outside the path of deliveries: telling
//! one puts it into a bounded queue and never waits (`teller`). Its event's id follows from what
//! changed, so that telling it again makes no second event.
//!
//! # What it does not guarantee
//!
//! The change is committed first, its event after it: a crash between the two, a store that is away
//! for long, or more changes at once than the queue holds, lose the event and never the change. What
//! is lost at the queue is counted and logged. After a start, endpoints that were disabled within the
//! last hour are told of again, so a crash loses none of those.
//!
//! Deliveries and endpoints of the operational tenant itself make no notices, or one that fails would
//! feed itself.

use fanfare_domain::delivery::{Delivery, DeliveryState, FailedReason};
use fanfare_domain::endpoint::{Disabled, DisabledReason, Endpoint};
use fanfare_domain::id::{DeliveryId, EndpointId};
use fanfare_domain::name::Scope;
use fanfare_domain::time::Timestamp;
use serde_json::{Map, Value, json};

mod catalogue;
mod dialect;
mod teller;

pub use dialect::{Announcer, Told};
pub(crate) use teller::Queue;

/// A state changed.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Whose endpoint it is.
    pub scope: Scope,
    /// The endpoint.
    pub endpoint: EndpointId,
    /// What changed.
    pub change: Change,
}

/// What changed about an endpoint.
#[derive(Clone, Debug)]
pub enum Change {
    /// It gets no deliveries any more.
    Disabled {
        /// Why.
        reason: DisabledReason,
        /// Since when.
        since: Timestamp,
        /// Since when it had answered nothing but failures, where that was known.
        failing_since: Option<Timestamp>,
    },
    /// It gets deliveries again.
    Enabled {
        /// Since when.
        at: Timestamp,
    },
    /// It does nothing but fail, and is disabled if it goes on so.
    Warned {
        /// Since when every attempt failed.
        failing_since: Timestamp,
        /// How much of the time until it is disabled has passed, in percent.
        passed: u8,
        /// When it is disabled unless it recovers.
        disabled_at: Timestamp,
    },
    /// It was warned of, and has answered as it should.
    Recovered {
        /// Since when every attempt had failed.
        failing_since: Timestamp,
        /// When it answered.
        at: Timestamp,
    },
    /// Its deliveries stand still behind one that failed, until the owner skips or replays that.
    Held {
        /// The one that failed.
        delivery: DeliveryId,
        /// Since when.
        since: Timestamp,
    },
    /// A delivery used up its attempts, or its time.
    Exhausted(Box<Delivery>),
    /// The endpoint was made. Told to dialects only, as what follows.
    Created,
    /// Its owner changed it.
    Updated {
        /// When.
        at: Timestamp,
    },
    /// It was deleted; what it was.
    Deleted(Box<Endpoint>),
    /// A delivery's attempt of the number [`FAILING_AT`] failed, and there are more to come.
    Failing(Box<Delivery>),
    /// A delivery arrived that had been told of as failing.
    Arrived(Box<Delivery>),
}

/// The number of the failed attempt after which a delivery counts as failing.
pub const FAILING_AT: u16 = 4;

impl Notice {
    /// A change of an endpoint.
    #[must_use]
    pub fn of(endpoint: &Endpoint, change: Change) -> Self {
        Self {
            scope: endpoint.scope.clone(),
            endpoint: endpoint.id,
            change,
        }
    }

    /// What was just recorded of a delivery, as far as it makes a notice. `attempted`: with an attempt.
    #[must_use]
    pub fn of_delivery(delivery: &Delivery, attempted: bool) -> Option<Self> {
        let number = delivery.attempts.saturating_sub(delivery.extra_attempts);
        let change = match delivery.state {
            DeliveryState::Failed {
                reason: FailedReason::Exhausted,
                ..
            } => Change::Exhausted(Box::new(delivery.clone())),
            DeliveryState::Waiting { .. } if attempted && number == FAILING_AT => {
                Change::Failing(Box::new(delivery.clone()))
            }
            DeliveryState::Delivered { .. } if attempted && number > FAILING_AT => {
                Change::Arrived(Box::new(delivery.clone()))
            }
            _ => return None,
        };
        Some(Self {
            scope: delivery.scope.clone(),
            endpoint: delivery.endpoint,
            change,
        })
    }

    /// What changed between two forms of an endpoint, as far as it makes notices.
    pub(crate) fn between(before: Option<&Endpoint>, after: Option<&Endpoint>) -> Vec<Self> {
        let (before, after) = match (before, after) {
            (None, None) => return Vec::new(),
            (None, Some(after)) => return vec![Self::of(after, Change::Created)],
            (Some(before), None) => {
                return vec![Self::of(before, Change::Deleted(Box::new(before.clone())))];
            }
            (Some(before), Some(after)) => (before, after),
        };
        let at = after.updated_at;
        let mut changes = Vec::new();
        match (&before.disabled, &after.disabled) {
            (None, Some(disabled)) => changes.push(Change::Disabled {
                reason: disabled.reason,
                since: disabled.since,
                failing_since: before.failing.map(|failing| failing.since),
            }),
            (Some(_), None) => changes.push(Change::Enabled { at }),
            _ => {}
        }
        let own_account = |disabled: &Disabled| disabled.reason != DisabledReason::Manual;
        let by_engine =
            before.disabled.is_none() && after.disabled.as_ref().is_some_and(own_account);
        if before.updated_at != at && !by_engine {
            changes.push(Change::Updated { at });
        }
        let notice = |change| Self::of(after, change);
        changes.into_iter().map(notice).collect()
    }

    /// The type of its event for an operational tenant; none: only a dialect tells of it.
    fn event_type(&self) -> Option<&'static str> {
        Some(match &self.change {
            Change::Disabled { .. } => catalogue::DISABLED,
            Change::Enabled { .. } => catalogue::ENABLED,
            Change::Warned { .. } => catalogue::WARNING,
            Change::Recovered { .. } => catalogue::RECOVERED,
            Change::Held { .. } => catalogue::HELD,
            Change::Exhausted(_) => catalogue::EXHAUSTED,
            Change::Created
            | Change::Updated { .. }
            | Change::Deleted(_)
            | Change::Failing(_)
            | Change::Arrived(_) => return None,
        })
    }

    /// What it is called in the id of its event.
    fn kind(&self) -> &'static str {
        match &self.change {
            Change::Created => "endpoint-created",
            Change::Updated { .. } => "endpoint-updated",
            Change::Deleted(_) => "endpoint-deleted",
            Change::Failing(_) => "delivery-failing",
            Change::Arrived(_) => "delivery-arrived",
            Change::Disabled { .. } => "endpoint-disabled",
            Change::Enabled { .. } => "endpoint-enabled",
            Change::Warned { .. } => "endpoint-warning",
            Change::Recovered { .. } => "endpoint-recovered",
            Change::Held { .. } => "endpoint-held",
            Change::Exhausted(_) => "delivery-exhausted",
        }
    }

    /// The delivery that it is about.
    pub(crate) fn delivery(&self) -> Option<&Delivery> {
        match &self.change {
            Change::Exhausted(delivery) | Change::Failing(delivery) | Change::Arrived(delivery) => {
                Some(delivery)
            }
            _ => None,
        }
    }

    /// The id of its event: the same for the same change.
    fn uid(&self) -> String {
        let kind = self.kind();
        let endpoint = self.endpoint;
        match &self.change {
            Change::Created | Change::Deleted(_) => format!("{kind}:{endpoint}"),
            Change::Disabled { since: at, .. }
            | Change::Enabled { at }
            | Change::Updated { at } => {
                format!("{kind}:{endpoint}:{}", at.micros())
            }
            Change::Warned {
                failing_since,
                passed,
                ..
            } => format!("{kind}:{endpoint}:{}:{passed}", failing_since.micros()),
            Change::Recovered { failing_since, .. } => {
                format!("{kind}:{endpoint}:{}", failing_since.micros())
            }
            Change::Held { delivery, .. } => format!("{kind}:{delivery}"),
            Change::Exhausted(delivery) | Change::Failing(delivery) | Change::Arrived(delivery) => {
                format!("{kind}:{}", delivery.id)
            }
        }
    }

    /// The data of its event. `endpoint` is the endpoint's present form; none when it is gone.
    ///
    /// The URL is not in it: one may have a secret in its path.
    fn data(&self, endpoint: Option<&Endpoint>) -> Value {
        let external = endpoint.and_then(|endpoint| endpoint.external.as_ref());
        let mut data = Map::new();
        data.insert("tenant".to_owned(), json!(self.scope.tenant.as_str()));
        data.insert(
            "endpoint".to_owned(),
            json!({
                "id": self.endpoint,
                "dialect": endpoint.and_then(|endpoint| endpoint.dialect.as_deref()),
                "external_id": external.map(|external| external.id.as_str()),
                "description": endpoint.map(|endpoint| endpoint.description.as_str()),
            }),
        );
        if let Value::Object(own) = own_members(&self.change) {
            data.extend(own);
        }
        Value::Object(data)
    }
}

fn own_members(change: &Change) -> Value {
    let time = |at: &Timestamp| at.to_string();
    match change {
        Change::Disabled { reason, since, .. } => json!({"reason": reason, "since": time(since)}),
        Change::Enabled { at } => json!({"since": time(at)}),
        Change::Created
        | Change::Updated { .. }
        | Change::Deleted(_)
        | Change::Failing(_)
        | Change::Arrived(_) => json!({}),
        Change::Warned {
            failing_since,
            passed,
            disabled_at,
        } => json!({
            "failing_since": time(failing_since),
            "passed_percent": passed,
            "disabled_at": time(disabled_at),
        }),
        Change::Recovered { failing_since, at } => {
            json!({"failing_since": time(failing_since), "recovered_at": time(at)})
        }
        Change::Held { delivery, since } => {
            json!({"delivery": delivery, "since": time(since)})
        }
        Change::Exhausted(delivery) => {
            let failed_at = match delivery.state {
                DeliveryState::Failed { at, .. } => Some(time(&at)),
                _ => None,
            };
            json!({"delivery": {
                "id": delivery.id,
                "event": delivery.event,
                "event_type": delivery.event_type.as_str(),
                "replay_of": delivery.replay_of,
                "attempts": delivery.attempts,
                "created_at": time(&delivery.created_at),
                "first_attempt_at": delivery.first_attempt_at.as_ref().map(time),
                "failed_at": failed_at,
                "last_status": delivery.last_status,
                "last_error": delivery.last_error.map(|kind| kind.as_str()),
            }})
        }
    }
}
