//! Endpoints as they are shown.

use std::collections::BTreeMap;

use fanfare_app::port::dispatch::Health;
use fanfare_app::recovery::Offer;
use fanfare_domain::endpoint::{DisabledReason, Endpoint};
use fanfare_domain::header::is_secret_header;
use fanfare_domain::secret::{Secret, public_key};
use serde::Serialize;
use utoipa::ToSchema;

use super::batch::BatchForm;
use super::breaker::BreakerView;
use super::form::{SchemeForm, SubscriptionForm};
use super::order::{HeldView, Holding, OnFailureForm, OrderingForm};
use super::policy::PolicyForm;
use super::rate::RateLimitForm;
use crate::time::Time;

/// What stands in the place of a value that the caller may not see.
const HIDDEN: &str = "(hidden)";

/// Why an endpoint is disabled: `manual` (somebody said so), `gone` (it answered 410), `exhausted` (a
/// delivery used up its attempts, and its policy says that this disables it) or `failing` (nothing but
/// failures for as long as its policy bears).
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DisabledReason)]
pub(crate) enum DisabledReasonView {
    /// Somebody said so.
    Manual,
    /// It answered 410 Gone.
    Gone,
    /// A delivery used up its attempts.
    Exhausted,
    /// Nothing but failures for as long as its policy bears.
    Failing,
}

impl From<DisabledReason> for DisabledReasonView {
    fn from(reason: DisabledReason) -> Self {
        match reason {
            DisabledReason::Manual => Self::Manual,
            DisabledReason::Gone => Self::Gone,
            DisabledReason::Exhausted => Self::Exhausted,
            DisabledReason::Failing => Self::Failing,
        }
    }
}

/// A URL of a tenant, with what it takes and how it is spoken to. Its secrets are shown elsewhere.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Endpoint)]
pub(crate) struct EndpointView {
    /// Its id.
    #[schema(example = "ep_01m5d3xq9sabcdefghjkmnpqrs")]
    id: String,
    /// Whose it is.
    #[schema(example = "acme")]
    tenant: String,
    /// Where deliveries go.
    #[schema(example = "https://example.com/webhooks")]
    url: String,
    /// The owner's note.
    description: String,
    /// What it takes; null: every type.
    #[schema(required)]
    event_types: Option<Vec<SubscriptionForm>>,
    /// The attributes that events must carry, always as lists.
    #[schema(example = json!({"region": ["eu", "us"]}))]
    attributes: BTreeMap<String, Vec<String>>,
    /// The expression that events must satisfy; null: none.
    #[schema(required, example = "data.amount >= 1000")]
    filter: Option<String>,
    /// Headers that each request carries. `(hidden)` stands for a value that the key may not see.
    headers: BTreeMap<String, String>,
    /// Notes of the caller.
    metadata: BTreeMap<String, String>,
    /// How its deliveries differ from the usual policy.
    delivery_policy: PolicyForm,
    /// In which order it gets its deliveries.
    ordering: OrderingForm,
    /// What becomes of its order when a delivery fails for good.
    on_failure: OnFailureForm,
    /// What holds its order up: at most the first ten such deliveries. Empty: nothing does.
    held: Vec<HeldView>,
    /// The most requests that it gets in a time; null: as many as it bears.
    #[schema(required)]
    rate_limit: Option<RateLimitForm>,
    /// How its events are put together; null: each goes by itself.
    #[schema(required)]
    batch: Option<BatchForm>,
    /// How its deliveries are signed.
    signature: SchemeForm,
    /// Whether it gets deliveries.
    enabled: bool,
    /// Why it gets none.
    #[schema(required)]
    disabled_reason: Option<DisabledReasonView>,
    /// Since when it gets none.
    #[schema(required)]
    disabled_since: Option<Time>,
    /// Whether deliveries are kept back because too many attempts failed.
    breaker: BreakerView,
    /// When the first attempt failed after which none arrived; null: the last one arrived.
    #[schema(required)]
    failing_since: Option<Time>,
    /// Until when its own `Retry-After` keeps deliveries back.
    #[schema(required)]
    slowed_until: Option<Time>,
    /// The provider whose delivery format it speaks; null: Fanfare's own.
    #[schema(required)]
    dialect: Option<String>,
    /// In the answer of a change that enabled it: what it missed; left out where that is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    missed: Option<MissedView>,
    /// When it was made.
    created_at: Time,
    /// When it was last changed.
    updated_at: Time,
}

/// What an endpoint missed: deliveries that failed or were discarded because it was disabled, and events
/// that it asks for and has no delivery of. Recover the endpoint with this `since` and `"what": "missed"`
/// to have it delivered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Missed)]
pub(crate) struct MissedView {
    /// From when on.
    since: Time,
    /// How many deliveries, as far as they were counted.
    count: usize,
    /// Whether there are further events, which were not looked at.
    more: bool,
    /// The path to `POST` to.
    #[schema(example = "/v1/tenants/acme/endpoints/ep_01m5d3xq9sabcdefghjkmnpqrs/recover")]
    recover: String,
}

impl MissedView {
    /// What is offered to an endpoint.
    pub(crate) fn new(endpoint: &Endpoint, offer: Offer) -> Self {
        let (tenant, id) = (&endpoint.scope.tenant, endpoint.id);
        Self {
            since: offer.since.into(),
            count: offer.count,
            more: offer.more,
            recover: format!("/v1/tenants/{tenant}/endpoints/{id}/recover"),
        }
    }
}

impl EndpointView {
    /// The view with what the endpoint missed.
    pub(crate) fn offering(self, missed: Option<MissedView>) -> Self {
        Self { missed, ..self }
    }

    /// The view for a caller that may, or may not, manage.
    pub(crate) fn new(
        endpoint: Endpoint,
        health: Health,
        holding: &Holding,
        manages: bool,
    ) -> Self {
        let shown = |(name, value): (String, String)| {
            let hidden = !manages && is_secret_header(&name);
            (name, if hidden { HIDDEN.to_owned() } else { value })
        };
        let attributes = endpoint.attributes.iter();
        let attributes = attributes.map(|(name, values)| (name.to_owned(), values.to_vec()));
        let event_types = endpoint.event_types.as_ref();
        Self {
            id: endpoint.id.to_string(),
            tenant: endpoint.scope.tenant.to_string(),
            event_types: event_types.map(|list| list.iter().map(Into::into).collect()),
            attributes: attributes.collect(),
            enabled: endpoint.enabled(),
            held: holding.at(&endpoint),
            ordering: endpoint.ordering.into(),
            on_failure: endpoint.on_failure.into(),
            filter: endpoint.filter,
            url: endpoint.url,
            description: endpoint.description,
            headers: endpoint.headers.into_iter().map(shown).collect(),
            metadata: endpoint.metadata,
            delivery_policy: endpoint.policy.into(),
            rate_limit: endpoint.rate_limit.map(Into::into),
            batch: endpoint.batch.map(Into::into),
            signature: endpoint.signature.into(),
            disabled_reason: endpoint.disabled.as_ref().map(|why| why.reason.into()),
            disabled_since: endpoint.disabled.as_ref().map(|why| why.since.into()),
            breaker: health.breaker.into(),
            failing_since: health.failing_since.map(Time),
            slowed_until: health.slowed_until.map(Time),
            dialect: endpoint.dialect,
            missed: None,
            created_at: endpoint.created_at.into(),
            updated_at: endpoint.updated_at.into(),
        }
    }
}

/// A secret that signs an endpoint's deliveries.
// No `Debug`: the secret stays out of every log.
#[derive(Serialize, ToSchema)]
#[schema(as = Secret)]
pub(crate) struct SecretView {
    /// The secret, as it was given or made.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
    /// The public half of a `v1a` secret (`whpk_…`), which is all that receivers need.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    public_key: Option<String>,
    /// When it was added.
    created_at: Time,
    /// When it stops signing; null: it does not.
    #[schema(required)]
    expires_at: Option<Time>,
}

impl From<Secret> for SecretView {
    fn from(secret: Secret) -> Self {
        Self {
            public_key: public_key(&secret.text),
            secret: secret.text,
            created_at: secret.created_at.into(),
            expires_at: secret.expires_at.map(Time),
        }
    }
}
