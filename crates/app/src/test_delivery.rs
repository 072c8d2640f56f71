//! Trying an endpoint out: one signed request now, with nothing kept of it.

use std::sync::Arc;

use bytes::Bytes;
use fanfare_domain::attempt::{Attempt, AttemptError, ErrorKind, Trigger};
use fanfare_domain::event::Attributes;
use fanfare_domain::fault::Fault;
use fanfare_domain::id::EventId;
use fanfare_domain::name::{EventTypeName, Scope};

use crate::attempt::{AttemptStart, record, sent};
use crate::directory::Target;
use crate::error::{Faults, UseCaseError};
use crate::fanfare::Fanfare;
use crate::format::Parcel;
use crate::port::log::Event;
use crate::port::sender::{Exchange, OutboundRequest};

/// The type of a test event unless another is named.
pub const TEST_EVENT_TYPE: &str = "fanfare.test";

impl Fanfare {
    /// Sends a test event to an endpoint, whether it is enabled or not, and whatever it asks for.
    ///
    /// With `event_type`, the event has that type and its catalogue's example as data. The event and the
    /// attempt are not stored, and nothing is repeated.
    ///
    /// # Errors
    /// When the tenant has no such endpoint, or the catalogue no such type.
    pub async fn test_endpoint(
        &self,
        scope: &Scope,
        id: &str,
        event_type: Option<String>,
        found: Vec<Fault>,
    ) -> Result<Attempt, UseCaseError> {
        let endpoint = self.endpoint(scope, id).await?;
        let mut faults = Faults::new(found);
        let known = event_type
            .as_deref()
            .and_then(|name| self.directory.route(scope, name).event_type);
        if let Some(name) = &event_type
            && known.is_none()
        {
            faults.add(
                "#/event_type",
                format!("names the event type {name:?}, which the catalogue does not have"),
            );
        }
        let example = known
            .as_ref()
            .and_then(|known| known.event_type.example.clone());
        let name = EventTypeName::parse(event_type.as_deref().unwrap_or(TEST_EVENT_TYPE));
        if let Err(cause) = &name {
            faults.add("#/event_type", cause);
        }
        faults.refuse_if_any()?;
        let Ok(name) = name else {
            return Err(UseCaseError::Invalid(Vec::new()));
        };
        let target = Target::new(endpoint, self.directory.formats());
        let now = self.ports.clock.now();
        let data =
            example.unwrap_or_else(|| serde_json::json!({"message": "This is a test event."}));
        let event = Event {
            id: EventId::new(now, self.ports.random.bits()),
            scope: scope.clone(),
            uid: None,
            event_type: name,
            subcategory: None,
            attributes: Attributes::default(),
            ordering_key: None,
            created_at: now,
            deliver_at: None,
            expires_at: None,
            data_until: None,
            data: Bytes::from(data.to_string()),
            targets: vec![target.endpoint.id],
        };
        let attempt_id = event.id.delivery(0).attempt(1);
        let parcel = Parcel::new(Arc::new(event));
        let prepared = target.format.prepare(&parcel, &target, now);
        let start = AttemptStart {
            id: attempt_id,
            at: now,
            trigger: Trigger::Manual,
            headers: sent(&prepared.headers),
        };
        let timeout = known.map_or(target.policy.timeout, |known| {
            target.policy_with(&known.event_type.policy).timeout
        });
        let exchange = match &target.uri {
            Some(uri) => {
                let request = OutboundRequest {
                    method: http::Method::POST,
                    uri: uri.clone(),
                    headers: prepared.headers,
                    body: prepared.body,
                    timeout,
                };
                self.ports.sender.send(request).await
            }
            None => unusable_url(),
        };
        Ok(record(start, &target, exchange))
    }
}

/// What comes of an endpoint whose stored URL can't be read.
#[must_use]
pub fn unusable_url() -> Exchange {
    Exchange {
        address: None,
        timings: fanfare_domain::attempt::Timings::default(),
        response: None,
        error: Some(AttemptError {
            kind: ErrorKind::Request,
            detail: "the endpoint's URL can't be used; change it".to_owned(),
        }),
    }
}
