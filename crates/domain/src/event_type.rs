//! Event types: the names in an environment's catalogue.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::name::{EnvironmentId, EventTypeName};
use crate::policy::PolicyPatch;
use crate::time::Timestamp;

/// A name in the catalogue, with what may be said about its events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventType {
    /// The environment that it belongs to.
    pub environment: EnvironmentId,
    /// The name, `invoice.paid`.
    pub name: EventTypeName,
    /// What people should know about it.
    pub description: String,
    /// The JSON Schema that published data must satisfy.
    pub schema: Option<Value>,
    /// An example of its data, shown to those who build receivers.
    pub example: Option<Value>,
    /// The kinds within the type; empty means that it has none.
    pub subcategories: Vec<Subcategory>,
    /// How its deliveries differ from the usual policy; what an endpoint says of its own goes before it.
    #[serde(default)]
    pub policy: PolicyPatch,
    /// From when on it can't be published any more.
    pub retired_at: Option<Timestamp>,
    /// What only a dialect's own answers show.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub external: serde_json::Map<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A kind within an event type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subcategory {
    /// What events carry and endpoints ask for.
    pub value: String,
    /// What people call it; never matched.
    pub display_name: String,
}

impl EventType {
    /// Whether it is retired at `now`.
    #[must_use]
    pub fn retired(&self, now: Timestamp) -> bool {
        self.retired_at.is_some_and(|at| at <= now)
    }
}
