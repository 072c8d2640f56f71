//! What a dialect is.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use fanfare_app::event_types::EventTypeDraft;
use fanfare_app::format::Format;
use fanfare_domain::policy::PolicyPatch;

use crate::door::Door;

/// Another provider's contract.
pub trait Dialect: Send + Sync + 'static {
    /// Its name: in settings, in endpoints, in the path of its OpenAPI document.
    fn name(&self) -> &'static str;

    /// Where the original's paths of this contract begin, without a slash at the end. All paths at or
    /// below them belong to the dialect.
    fn prefixes(&self) -> &'static [&'static str];

    /// Its routes, with fallbacks of its own for unknown paths and wrong methods.
    fn routes(&self, door: Door) -> Router;

    /// How its endpoints' deliveries are made, the preset of their policy included.
    fn format(&self) -> Arc<dyn Format>;

    /// The event types that must be in its environment's catalogue so that they can be published.
    fn catalogue(&self) -> Vec<EventTypeDraft>;

    /// How many calls a key has in a minute unless the operator says otherwise; none: any number.
    fn calls_per_minute(&self) -> Option<u32> {
        None
    }

    /// The most bytes of a request's body; as the server has it for dialects unless told.
    fn body_bytes(&self) -> Option<usize> {
        None
    }

    /// Its OpenAPI document, JSON.
    fn openapi(&self) -> &'static str;
}

/// What an operator sets for a dialect.
#[derive(Clone, Debug, Default)]
pub struct DialectSettings {
    /// The event types that it knows, in place of the provider's own: the name, and what people call it.
    pub events: Option<Vec<(String, String)>>,
    /// How its delivery policy differs from the provider's.
    pub policy: PolicyPatch,
    /// Whether endpoints must use HTTPS, where the provider does not demand it anyway.
    pub https_only: bool,
    /// Settings that only this dialect has, by name: see its module.
    pub own: BTreeMap<String, String>,
}

impl DialectSettings {
    /// A setting of the dialect's own.
    #[must_use]
    pub fn own(&self, name: &str) -> Option<&str> {
        self.own.get(name).map(String::as_str)
    }

    /// Refuses settings of its own that a dialect does not know.
    ///
    /// # Errors
    /// Names the unknown one and those that there are.
    pub fn only(&self, known: &[&str]) -> Result<(), String> {
        match self.own.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(format!("there is no setting {name:?}; there are {known:?}")),
            None => Ok(()),
        }
    }
}
