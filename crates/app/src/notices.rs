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

use fanfare_domain::delivery::{Delivery, DeliveryState};
use fanfare_domain::endpoint::{DisabledReason, Endpoint};
use fanfare_domain::id::{DeliveryId, EndpointId};
use fanfare_domain::name::Scope;
use fanfare_domain::time::Timestamp;
use serde_json::{Map, Value, json};

mod catalogue;
mod teller;

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
}

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

    /// A delivery used up its attempts, or its time.
    #[must_use]
    pub fn exhausted(delivery: &Delivery) -> Self {
        Self {
            scope: delivery.scope.clone(),
            endpoint: delivery.endpoint,
            change: Change::Exhausted(Box::new(delivery.clone())),
        }
    }

    /// What changed between two forms of an endpoint, as far as it makes a notice.
    pub(crate) fn between(before: &Endpoint, after: &Endpoint) -> Option<Self> {
        let change = match (&before.disabled, &after.disabled) {
            (None, Some(disabled)) => Change::Disabled {
                reason: disabled.reason,
                since: disabled.since,
            },
            (Some(_), None) => Change::Enabled {
                at: after.updated_at,
            },
            _ => return None,
        };
        Some(Self::of(after, change))
    }

    /// The type of its event.
    fn event_type(&self) -> &'static str {
        match &self.change {
            Change::Disabled { .. } => catalogue::DISABLED,
            Change::Enabled { .. } => catalogue::ENABLED,
            Change::Warned { .. } => catalogue::WARNING,
            Change::Recovered { .. } => catalogue::RECOVERED,
            Change::Held { .. } => catalogue::HELD,
            Change::Exhausted(_) => catalogue::EXHAUSTED,
        }
    }

    /// The id of its event: the same for the same change.
    fn uid(&self) -> String {
        let kind = self.event_type().replace('.', "-");
        let endpoint = self.endpoint;
        match &self.change {
            Change::Disabled { since: at, .. } | Change::Enabled { at } => {
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
            Change::Exhausted(delivery) => format!("{kind}:{}", delivery.id),
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
        Change::Disabled { reason, since } => json!({"reason": reason, "since": time(since)}),
        Change::Enabled { at } => json!({"since": time(at)}),
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
