//! Operational events in a dialect's own form.
//!
//! A dialect whose original tells of its endpoints says to which tenant, and how. It is told of its own
//! endpoints only.

use fanfare_domain::attempt::Attempt;
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::name::{EventTypeName, Scope};
use fanfare_domain::time::Timestamp;
use serde_json::Value;

use super::{Change, Notice};
use crate::directory::Directory;
use crate::fanfare::Fanfare;
use crate::port::StoreError;
use crate::publish::{Ready, Said, Terms};

/// How a dialect tells of its endpoints.
pub trait Announcer: Send + Sync {
    /// The tenant that is told what happens to endpoints of another; none: nobody is.
    fn listener(&self, directory: &Directory, scope: &Scope) -> Option<Scope>;

    /// The type and the data of the event for a notice; none: it is not told of.
    fn event(&self, told: &Told<'_>) -> Option<(&'static str, Value)>;
}

/// A notice, with what is known of the things that it is about.
#[derive(Debug)]
pub struct Told<'a> {
    /// Whose endpoint it is.
    pub scope: &'a Scope,
    /// What changed.
    pub change: &'a Change,
    /// The endpoint, as it is now or was last.
    pub endpoint: &'a Endpoint,
    /// The id by which a dialect's clients know the tenant.
    pub tenant: Option<String>,
    /// The id that the publisher gave to the event of the delivery.
    pub event: Option<String>,
    /// The last attempt of the delivery.
    pub attempt: Option<Attempt>,
}

impl Fanfare {
    /// The tenant that a dialect tells of this.
    pub(super) fn dialects_listener(&self, notice: &Notice) -> Option<Scope> {
        let dialect = match &notice.change {
            Change::Deleted(endpoint) => endpoint.dialect.clone(),
            _ => self
                .directory
                .target(notice.endpoint)?
                .endpoint
                .dialect
                .clone(),
        };
        let format = self.directory.formats().of(dialect.as_deref());
        format.announcer()?.listener(&self.directory, &notice.scope)
    }

    /// The event of a notice in its dialect's form; none when nobody wants it.
    pub(super) async fn dialects_event_of(
        &self,
        notice: &Notice,
        now: Timestamp,
    ) -> Result<Option<Ready>, StoreError> {
        let Some(listener) = self.dialects_listener(notice) else {
            return Ok(None);
        };
        let known = self.directory.target(notice.endpoint);
        let endpoint = match (&notice.change, &known) {
            (Change::Deleted(endpoint), _) => endpoint,
            (_, Some(target)) => &target.endpoint,
            (_, None) => return Ok(None),
        };
        let (event, attempt) = match notice.delivery() {
            None => (None, None),
            Some(delivery) => {
                let (log, deliveries) = (&self.ports.log, &self.ports.deliveries);
                let events = log.events_by_id(&notice.scope, &[delivery.event]).await?;
                let before = delivery.id.attempt(delivery.attempts.saturating_sub(1));
                let mut last = deliveries.attempts(&notice.scope, before, 1).await?;
                let uid = events.first().and_then(|event| event.uid.clone());
                (uid, last.pop())
            }
        };
        let told = Told {
            scope: &notice.scope,
            change: &notice.change,
            endpoint,
            tenant: self.directory.external_of(&notice.scope),
            event,
            attempt,
        };
        let format = self.directory.formats().of(endpoint.dialect.as_deref());
        let said = format.announcer().and_then(|it| it.event(&told));
        let Some((name, data)) = said else {
            return Ok(None);
        };
        let Ok(event_type) = EventTypeName::parse(name) else {
            return Ok(None);
        };
        let route = self.directory.route(&listener, name);
        let said = Said {
            uid: Some(notice.uid()),
            event_type,
            subcategory: None,
            attributes: Default::default(),
            ordering_key: None,
            data: data.to_string().into(),
            deliver_at: None,
            expires_at: None,
            data_until: None,
            terms: Terms::default(),
        };
        let ready = self.ready(listener, &route, said, None, now);
        Ok((!ready.targets.is_empty()).then_some(ready))
    }
}
