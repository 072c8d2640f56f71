//! An endpoint as KonPro shows it.

use fanfare_domain::endpoint::{Endpoint, Subscription};
use fanfare_domain::time::Timestamp;
use serde::Serialize;

/// An endpoint, members in the original's order.
#[derive(Serialize)]
pub(super) struct Shown {
    endpoint_id: String,
    url: String,
    secret: String,
    status: &'static str,
    events: Vec<String>,
    username: String,
    created_at: String,
}

impl Shown {
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        Self {
            endpoint_id: endpoint
                .external
                .as_ref()
                .map(|external| external.id.clone())
                .unwrap_or_default(),
            url: endpoint.url.clone(),
            secret: endpoint
                .secrets
                .first()
                .map(|secret| secret.text.clone())
                .unwrap_or_default(),
            status: if endpoint.enabled() {
                "enabled"
            } else {
                "disabled"
            },
            events: endpoint
                .event_types
                .iter()
                .flatten()
                .map(Subscription::to_string)
                .collect(),
            username: endpoint.scope.tenant.to_string(),
            created_at: seconds(endpoint.created_at),
        }
    }
}

/// RFC 3339 in UTC with whole seconds.
pub(super) fn seconds(time: Timestamp) -> String {
    let text = Timestamp::from_seconds(time.seconds()).to_string();
    text.replace(".000Z", "Z")
}
