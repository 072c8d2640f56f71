//! An endpoint as deliveries need it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{self, AtomicI64};

use fanfare_domain::batch::Batching;
use fanfare_domain::delivery::{Delivery, DeliveryState};
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::name::EventTypeName;
use fanfare_domain::order::{OnFailure, Ordering, Strand};
use fanfare_domain::policy::{DeliveryPolicy, PolicyPatch};
use fanfare_domain::signature::Signer;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use http::{HeaderMap, Uri};

use super::tenant_pace::TenantPace;
use super::type_policies::TypePolicies;
use crate::filter::EndpointFilter;
use crate::format::{Format, Formats};
use crate::port::log::{Event, Position};

/// An endpoint with what its deliveries need made ready once.
pub struct Target {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Its URL; none when it can't be read, which the attempt then says.
    pub uri: Option<Uri>,
    /// The policy in force for most events: its own over its format's preset. See
    /// [`Target::policy_of`].
    pub policy: DeliveryPolicy,
    /// How events of single types differ from it.
    pub(super) type_policies: Arc<TypePolicies>,
    /// How many deliveries of its tenant have not ended, about.
    pub(super) waiting: Arc<AtomicI64>,
    /// The rate that it shares with its tenant's other endpoints.
    pub tenant_pace: Arc<TenantPace>,
    /// What signs.
    pub signer: Signer,
    /// The headers that are the same for each request.
    pub headers: HeaderMap,
    /// Its filter, compiled.
    pub filter: Option<Arc<EndpointFilter>>,
    /// How its requests are made.
    pub format: Arc<dyn Format>,
}

impl Target {
    /// Makes an endpoint ready.
    #[must_use]
    pub fn new(endpoint: Endpoint, formats: &Formats) -> Self {
        Self::after(None, endpoint, formats)
    }

    /// Makes an endpoint ready that was known in another form. A filter that is still the same is kept,
    /// with what went wrong with it.
    #[must_use]
    pub fn after(before: Option<&Self>, endpoint: Endpoint, formats: &Formats) -> Self {
        let known = before.and_then(|before| before.filter.as_ref());
        let filter = endpoint.filter.as_deref().map(|text| match known {
            Some(known) if known.text() == text => Arc::clone(known),
            _ => Arc::new(EndpointFilter::new(text)),
        });
        let format = Arc::clone(formats.of(endpoint.dialect.as_deref()));
        let mut headers = HeaderMap::with_capacity(endpoint.headers.len() + 8);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("Fanfare/", env!("CARGO_PKG_VERSION"))),
        );
        for (name, value) in &endpoint.headers {
            // What the checks at the API let through is a header; anything else is left out.
            if let (Ok(name), Ok(value)) = (
                HeaderName::from_bytes(name.as_bytes()),
                HeaderValue::from_str(value),
            ) {
                headers.insert(name, value);
            }
        }
        Self {
            uri: requested(&endpoint.url),
            policy: format.preset().with(&endpoint.policy),
            type_policies: Arc::default(),
            waiting: Arc::default(),
            tenant_pace: Arc::default(),
            signer: Signer::new(&endpoint.secrets),
            filter,
            headers,
            format,
            endpoint,
        }
    }

    /// The policy in force for events of a type: the endpoint's own over the type's over the format's
    /// preset, member by member.
    ///
    /// Put together at each call where the type has one, which takes less than a microsecond; most have
    /// none, and then nothing is.
    #[must_use]
    pub fn policy_of(&self, event_type: &EventTypeName) -> Cow<'_, DeliveryPolicy> {
        match self.type_policies.of(event_type) {
            None => Cow::Borrowed(&self.policy),
            Some(patch) => Cow::Owned(self.policy_with(&patch)),
        }
    }

    /// The policy in force for a delivery: for one in a batch the endpoint's, whatever the event's type, so
    /// that what follows from an attempt is the same for all of the batch.
    #[must_use]
    pub fn policy_for(&self, delivery: &Delivery) -> Cow<'_, DeliveryPolicy> {
        match delivery.batch {
            None => self.policy_of(&delivery.event_type),
            Some(_) => Cow::Borrowed(&self.policy),
        }
    }

    /// Whether a delivery that fails for good holds those after it up.
    #[must_use]
    pub fn holds_on_failure(&self) -> bool {
        self.endpoint.ordering != Ordering::Unordered && self.endpoint.on_failure == OnFailure::Hold
    }

    /// How its events are put together; none where each goes by itself.
    #[must_use]
    pub fn batching(&self) -> Option<&Batching> {
        let batching = self.endpoint.batch.as_ref()?;
        self.format.batches().map(|_| batching)
    }

    /// The strand in which an event's delivery to it stands; none where it stands in no order.
    #[must_use]
    pub fn in_line(&self, event: &Event, position: Position) -> Option<(Strand, Position)> {
        let turn = event.turn(position, self.endpoint.ordering)?;
        turn.strand.map(|strand| (strand, position))
    }

    /// The row that an event's delivery to it gets before any attempt.
    #[must_use]
    pub fn first_row(&self, event: &Event, place: u16, position: Position) -> Delivery {
        let mut row = event.first_delivery(place, self.endpoint.id);
        row.turn = event.turn(position, self.endpoint.ordering);
        row.state = DeliveryState::Waiting {
            due_at: self
                .policy_of(&event.event_type)
                .first_due(event.due_from()),
        };
        row.wait_no_longer_than_its_end();
        row
    }

    /// A delivery to it begins to wait.
    pub fn count_waiting(&self) {
        self.waiting.fetch_add(1, atomic::Ordering::Relaxed);
    }

    /// The policy with what an event type says of its own.
    pub(crate) fn policy_with(&self, of_type: &PolicyPatch) -> DeliveryPolicy {
        let usual = self.format.preset().with(of_type);
        usual.with(&self.endpoint.policy)
    }
}

/// What is asked of a URL: credentials and fragments, which a dialect may let in, are no part of it.
fn requested(url: &str) -> Option<Uri> {
    let mut url = url::Url::parse(url).ok()?;
    url.set_fragment(None);
    if !url.username().is_empty() || url.password().is_some() {
        url.set_username("").ok()?;
        url.set_password(None).ok()?;
    }
    url.as_str().parse().ok()
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("endpoint", &self.endpoint.id)
            .finish_non_exhaustive()
    }
}
