//! Endpoints: a tenant's URL, what it wants to hear and how it is spoken to.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::batch::Batching;
use crate::event::Attributes;
use crate::id::EndpointId;
use crate::name::{EventTypeName, Scope};
use crate::order::{OnFailure, Ordering};
use crate::policy::PolicyPatch;
use crate::rate::RateLimit;
use crate::secret::{Secret, SecretKind};
use crate::time::Timestamp;

/// A URL of a tenant, with the event types it takes, its secrets, its delivery policy, its state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Names it.
    pub id: EndpointId,
    /// Whose it is.
    pub scope: Scope,
    /// The provider whose API and format it speaks; none for the native ones.
    #[serde(default)]
    pub dialect: Option<String>,
    /// What its dialect keeps of it besides the rest; none for native ones.
    #[serde(default)]
    pub external: Option<External>,
    /// Where deliveries go.
    pub url: String,
    /// The owner's note.
    pub description: String,
    /// What it takes: none means every type, an empty list nothing.
    pub event_types: Option<Vec<Subscription>>,
    /// Narrows it to events that carry one of the values under each of the names.
    pub attributes: Attributes,
    /// Narrows it to events that satisfy this expression.
    #[serde(default)]
    pub filter: Option<String>,
    /// Headers that each request carries besides the format's own.
    pub headers: BTreeMap<String, String>,
    /// The caller's own notes.
    pub metadata: BTreeMap<String, String>,
    /// How it differs from the policy of its dialect.
    pub policy: PolicyPatch,
    /// In which order it gets its deliveries.
    #[serde(default)]
    pub ordering: Ordering,
    /// What becomes of an order when its first delivery fails for good.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// The most requests that it takes in a time; none: as many as it bears.
    #[serde(default)]
    pub rate_limit: Option<RateLimit>,
    /// How its events are put together; none: each goes by itself.
    #[serde(default)]
    pub batch: Option<Batching>,
    /// What kind of secret is made for it.
    pub signature: SecretKind,
    /// The secrets, newest first; all that have not ended sign.
    pub secrets: Vec<Secret>,
    /// Whether it is disabled, since when and why.
    pub disabled: Option<Disabled>,
    /// Since when nothing has arrived; none while something does, or not for long.
    #[serde(default)]
    pub failing: Option<Failing>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a dialect keeps of an endpoint besides what every endpoint has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct External {
    /// The id by which the dialect's clients know it.
    pub id: String,
    /// What only the dialect's own answers show.
    #[serde(default)]
    pub data: serde_json::Map<String, serde_json::Value>,
}

/// Since when and why an endpoint gets nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disabled {
    /// Why.
    pub reason: DisabledReason,
    /// Since when.
    pub since: Timestamp,
}

/// Since when an endpoint has answered nothing but failures, as far as it is worth keeping over a
/// restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// When the first attempt failed after which none arrived.
    pub since: Timestamp,
    /// How many times the owner was warned that it will be disabled.
    #[serde(default)]
    pub warnings: u8,
}

/// Why an endpoint is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// Its owner or an operator said so.
    Manual,
    /// It answered 410 Gone.
    Gone,
    /// A delivery used up its retries, and its policy says that this disables it.
    Exhausted,
    /// Nothing but failures for as long as its policy bears.
    Failing,
}

impl DisabledReason {
    /// Its name in the API, the log and the metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Gone => "gone",
            Self::Exhausted => "exhausted",
            Self::Failing => "failing",
        }
    }
}

/// What an endpoint asks for: an entry of its list of event types.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subscription {
    /// Every event of a type.
    Type(EventTypeName),
    /// Every event of a type whose name begins so; kept with its last full stop, `invoice.`.
    Prefix(String),
    /// The events of a type within one subcategory.
    Subcategory {
        /// The type.
        event_type: EventTypeName,
        /// The subcategory's value.
        subcategory: String,
    },
}

/// The text was neither an event type's name nor a prefix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an event type such as \"invoice.paid\" or a prefix such as \"invoice.*\"")]
pub struct InvalidSubscription;

impl Subscription {
    /// Reads `invoice.paid` or `invoice.*`.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self, InvalidSubscription> {
        match text.strip_suffix('*') {
            Some(prefix) if prefix.len() > 1 && prefix.ends_with('.') => {
                EventTypeName::parse(prefix).map_err(|_| InvalidSubscription)?;
                Ok(Self::Prefix(prefix.to_owned()))
            }
            Some(_) => Err(InvalidSubscription),
            None => EventTypeName::parse(text)
                .map(Self::Type)
                .map_err(|_| InvalidSubscription),
        }
    }

    /// Whether an event of this type and subcategory is asked for.
    #[must_use]
    pub fn takes(&self, event_type: &str, subcategory: Option<&str>) -> bool {
        match self {
            Self::Type(name) => name.as_str() == event_type,
            Self::Prefix(prefix) => event_type.starts_with(prefix.as_str()),
            Self::Subcategory {
                event_type: name,
                subcategory: wanted,
            } => name.as_str() == event_type && subcategory == Some(wanted),
        }
    }
}

impl fmt::Display for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(name) => write!(f, "{name}"),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
            Self::Subcategory {
                event_type,
                subcategory,
            } => write!(f, "{event_type}#{subcategory}"),
        }
    }
}

impl Endpoint {
    /// The most secrets that an endpoint has, ended ones aside.
    pub const MAX_SECRETS: usize = 11;

    /// Whether one node at a time may serve it: it has an order or a rate, which hold over all nodes.
    #[must_use]
    pub fn served_by_one(&self) -> bool {
        self.rate_limit.is_some() || self.ordering != Ordering::Unordered
    }

    /// Whether it gets deliveries.
    #[must_use]
    pub fn enabled(&self) -> bool {
        self.disabled.is_none()
    }

    /// Forgets the failures of before where somebody did something about them: gave it another URL, or
    /// enabled it again.
    pub fn forgive_since(&mut self, before: &Self) {
        if self.url != before.url || (self.enabled() && !before.enabled()) {
            self.failing = None;
        }
    }

    /// Whether it asks for events of this type and subcategory.
    #[must_use]
    pub fn takes(&self, event_type: &str, subcategory: Option<&str>) -> bool {
        match &self.event_types {
            None => true,
            Some(list) => list
                .iter()
                .any(|entry| entry.takes(event_type, subcategory)),
        }
    }

    /// Whether it asks for such an event, its filter aside. Says nothing of whether it is enabled.
    #[must_use]
    pub fn wants(
        &self,
        event_type: &str,
        subcategory: Option<&str>,
        attributes: &Attributes,
    ) -> bool {
        self.takes(event_type, subcategory) && self.attributes.met_by(attributes)
    }

    /// Puts a new secret first and lets those that sign now go on for `overlap`.
    ///
    /// Ended ones are dropped. A secret that would end sooner anyway keeps its end. Past
    /// [`Endpoint::MAX_SECRETS`] the oldest stop signing at once.
    pub fn rotate(&mut self, fresh: Secret, overlap: std::time::Duration, now: Timestamp) {
        let end = now.after(overlap);
        self.secrets.retain(|secret| secret.signs_at(now));
        for secret in &mut self.secrets {
            secret.expires_at = Some(secret.expires_at.map_or(end, |at| at.min(end)));
        }
        self.secrets.retain(|secret| secret.signs_at(now));
        self.secrets.insert(0, fresh);
        self.secrets.truncate(Self::MAX_SECRETS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_names_prefixes_or_subcategories() {
        let paid = Subscription::parse("invoice.paid").unwrap();
        assert!(paid.takes("invoice.paid", Some("eu")));
        assert!(!paid.takes("invoice.paid.late", None));
        let all = Subscription::parse("invoice.*").unwrap();
        assert!(all.takes("invoice.paid", None) && all.takes("invoice.a.b", None));
        assert!(!all.takes("invoices.paid", None) && !all.takes("invoice", None));
        assert_eq!(all.to_string(), "invoice.*");
        for text in ["*", ".*", "invoice*", "in*voice", "", "a b"] {
            assert!(Subscription::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_subcategory_is_matched_whole() {
        let entry = Subscription::Subcategory {
            event_type: EventTypeName::parse("alert").unwrap(),
            subcategory: "cpu".to_owned(),
        };
        assert!(entry.takes("alert", Some("cpu")));
        assert!(!entry.takes("alert", Some("cpu2")) && !entry.takes("alert", None));
    }
}
