//! What endpoints are made from.

use std::collections::BTreeMap;

use fanfare_app::endpoints::{EndpointDraft, RotationDraft, SubscriptionDraft};
use fanfare_domain::endpoint::{Endpoint, Subscription};
use fanfare_domain::secret::SecretKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::batch::{self, BatchForm};
use super::order::{OnFailureForm, OrderingForm};
use super::policy::PolicyForm;
use super::rate::RateLimitForm;
use crate::body::input;
use crate::body::values::{GivenAttributes, OneOrMany, lists};
use crate::span::Span;

/// What an endpoint takes: a type's name (`invoice.paid`), a prefix (`invoice.*`), or a type with one
/// of its subcategories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Subscription)]
pub(crate) enum SubscriptionForm {
    /// `invoice.paid` or `invoice.*`.
    #[schema(example = "invoice.*")]
    Text(String),
    /// A type with one of its subcategories.
    Subcategory(SubcategoryEntry),
}

/// A type with one of its subcategories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SubcategorySubscription)]
pub(crate) struct SubcategoryEntry {
    /// The type's name.
    #[schema(example = "alert.raised")]
    r#type: String,
    /// The subcategory's value.
    #[schema(example = "cpu")]
    subcategory: String,
}

/// How an endpoint's deliveries are signed: `v1` is HMAC-SHA256 with a shared secret (`whsec_…`),
/// `v1a` is Ed25519 with a key pair (`whsk_…`), whose public half is all that receivers need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SignatureScheme)]
pub(crate) enum SchemeForm {
    /// HMAC-SHA256.
    #[serde(rename = "v1")]
    Hmac,
    /// Ed25519.
    #[serde(rename = "v1a")]
    Ed25519,
}

impl From<SecretKind> for SchemeForm {
    fn from(kind: SecretKind) -> Self {
        match kind {
            SecretKind::Hmac => Self::Hmac,
            SecretKind::Ed25519 => Self::Ed25519,
        }
    }
}

impl From<SchemeForm> for SecretKind {
    fn from(scheme: SchemeForm) -> Self {
        match scheme {
            SchemeForm::Hmac => Self::Hmac,
            SchemeForm::Ed25519 => Self::Ed25519,
        }
    }
}

/// What an endpoint is made from.
// No `Debug`: the secret stays out of every log.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EndpointInput)]
pub(crate) struct EndpointInput {
    /// Where deliveries go.
    #[schema(required, nullable = false, example = "https://example.com/webhooks")]
    url: Option<String>,
    /// The owner's note, at most 1024 bytes.
    #[schema(max_length = 1024, example = "Production")]
    description: Option<String>,
    /// What it takes, at most 500 entries: names of types that the catalogue has, prefixes, or types
    /// with a subcategory. Null or absent: every type. An empty list: nothing.
    #[schema(max_items = 500, example = json!(["invoice.paid", "customer.*"]))]
    event_types: Option<Vec<SubscriptionForm>>,
    /// Narrows it to events whose own attributes carry one of the values under each of these names. At
    /// most 32 names with 64 values each.
    #[schema(value_type = Option<BTreeMap<String, OneOrMany>>, example = json!({"region": ["eu", "us"]}))]
    attributes: Option<GivenAttributes>,
    /// Narrows it to events that satisfy this expression in CEL, at most 4096 bytes long. It may look at
    /// `data`, `type`, `subcategory` (null where there is none) and `attributes` (lists of texts under
    /// names), and must yield true or false. An error, such as a member that is not there, is no match
    /// and is counted in the endpoint's statistics. Null or absent: no filter.
    #[schema(
        max_length = 4096,
        example = "data.amount >= 1000 && data.currency in ['EUR', 'CHF']"
    )]
    filter: Option<String>,
    /// Headers that each request carries besides the signature's, at most 32. Values under names that
    /// suggest a secret are shown only to keys that may manage.
    #[schema(example = json!({"x-region": "eu"}))]
    headers: Option<BTreeMap<String, String>>,
    /// Notes of the caller: at most 50 names with a text each.
    #[schema(example = json!({"team": "billing"}))]
    metadata: Option<BTreeMap<String, String>>,
    /// How its deliveries differ from the usual policy.
    delivery_policy: Option<PolicyForm>,
    /// In which order it gets its deliveries; `unordered` unless told. A change counts for what waits, too;
    /// what is under way then is not waited for.
    ordering: Option<OrderingForm>,
    /// What becomes of its order when a delivery fails for good; `pass` unless told. `hold` needs an order.
    on_failure: Option<OnFailureForm>,
    /// The most requests that it gets in a time; as many as it bears unless told.
    rate_limit: Option<RateLimitForm>,
    /// How its events are put together; each goes by itself unless told. For endpoints of Fanfare's own format.
    /// A change counts for what is not in a batch yet.
    batch: Option<BatchForm>,
    /// How its deliveries are signed; `v1` unless told, or as the secret says. Another one counts for
    /// secrets made from then on.
    signature: Option<SchemeForm>,
    /// Its first secret, in the format of Standard Webhooks; one is made unless told. Only when it is
    /// created; later it is rotated.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: Option<String>,
    /// Whether it gets deliveries; it does unless told.
    enabled: Option<bool>,
}

/// How a secret is rotated.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SecretRotation)]
pub(crate) struct RotationInput {
    /// The new secret, in the format of Standard Webhooks; one is made unless told.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: Option<String>,
    /// How long the old ones go on signing beside it: at most 30d, 24h unless told.
    #[schema(inline, example = "24h")]
    overlap: Option<Span>,
}

/// Which test event is sent.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EndpointTest)]
pub(crate) struct TestInput {
    /// A type of the catalogue, whose example is then the data; `fanfare.test` unless told.
    #[schema(example = "invoice.paid")]
    pub(crate) event_type: Option<String>,
}

input!(EndpointInput => batch::faults, RotationInput, TestInput);

impl From<SubscriptionForm> for SubscriptionDraft {
    fn from(given: SubscriptionForm) -> Self {
        match given {
            SubscriptionForm::Text(text) => Self::Text(text),
            SubscriptionForm::Subcategory(entry) => Self::Subcategory {
                event_type: entry.r#type,
                subcategory: entry.subcategory,
            },
        }
    }
}

impl From<&Subscription> for SubscriptionForm {
    fn from(entry: &Subscription) -> Self {
        match entry {
            Subscription::Type(_) | Subscription::Prefix(_) => Self::Text(entry.to_string()),
            Subscription::Subcategory {
                event_type,
                subcategory,
            } => Self::Subcategory(SubcategoryEntry {
                r#type: event_type.to_string(),
                subcategory: subcategory.clone(),
            }),
        }
    }
}

impl From<EndpointInput> for EndpointDraft {
    fn from(given: EndpointInput) -> Self {
        Self {
            url: given.url,
            description: given.description,
            event_types: given
                .event_types
                .map(|list| list.into_iter().map(SubscriptionDraft::from).collect()),
            attributes: given.attributes.map(lists),
            filter: given.filter,
            headers: given.headers,
            metadata: given.metadata,
            policy: given.delivery_policy.map(Into::into),
            ordering: given.ordering.map(Into::into),
            on_failure: given.on_failure.map(Into::into),
            rate_limit: given.rate_limit.map(Into::into),
            batch: given.batch.map(Into::into),
            signature: given.signature.map(Into::into),
            secret: given.secret,
            enabled: given.enabled,
            unchanged_since: None,
        }
    }
}

impl From<&Endpoint> for EndpointInput {
    fn from(endpoint: &Endpoint) -> Self {
        let attributes = endpoint.attributes.iter();
        let attributes =
            attributes.map(|(name, values)| (name.to_owned(), OneOrMany(values.to_vec())));
        let event_types = endpoint.event_types.as_ref();
        Self {
            url: Some(endpoint.url.clone()),
            description: Some(endpoint.description.clone()),
            event_types: event_types.map(|list| list.iter().map(Into::into).collect()),
            attributes: Some(attributes.collect()),
            filter: endpoint.filter.clone(),
            headers: Some(endpoint.headers.clone()),
            metadata: Some(endpoint.metadata.clone()),
            delivery_policy: Some(endpoint.policy.clone().into()),
            ordering: Some(endpoint.ordering.into()),
            on_failure: Some(endpoint.on_failure.into()),
            rate_limit: endpoint.rate_limit.map(Into::into),
            batch: endpoint.batch.map(Into::into),
            signature: Some(endpoint.signature.into()),
            secret: None,
            enabled: Some(endpoint.enabled()),
        }
    }
}

impl From<RotationInput> for RotationDraft {
    fn from(given: RotationInput) -> Self {
        Self {
            secret: given.secret,
            overlap: given.overlap.map(|span| span.0),
        }
    }
}
