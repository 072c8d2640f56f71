//! Checks of what an owner says of an endpoint.

use std::collections::BTreeMap;

use fanfare_domain::batch::Batching;
use fanfare_domain::endpoint::Subscription;
use fanfare_domain::event::Attributes;
use fanfare_domain::header::{InvalidHeader, check_headers};
use fanfare_domain::name::{EventTypeName, Scope};
use fanfare_domain::order::{OnFailure, Ordering};
use fanfare_domain::policy::PolicyPatch;
use fanfare_domain::rate::RateLimit;
use fanfare_domain::target_url::check_url;

use super::{EndpointDraft, RateLimitDraft, SubscriptionDraft};
use crate::environments::check_text;
use crate::error::Faults;
use crate::fanfare::Fanfare;
use crate::filter::Filter;
use crate::tenants::check_metadata;

/// The most entries of an endpoint's event types.
const MAX_EVENT_TYPES: usize = 500;

/// A draft that was found right.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) url: String,
    pub(super) description: String,
    pub(super) event_types: Option<Vec<Subscription>>,
    pub(super) attributes: Attributes,
    pub(super) filter: Option<String>,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) policy: PolicyPatch,
    pub(super) ordering: Ordering,
    pub(super) on_failure: OnFailure,
    pub(super) rate_limit: Option<RateLimit>,
    pub(super) batch: Option<Batching>,
    pub(super) enabled: bool,
}

impl Fanfare {
    /// Checks a draft; what it answers counts only if no fault was added.
    pub(super) fn check_endpoint(
        &self,
        scope: &Scope,
        draft: &EndpointDraft,
        before: &[Subscription],
        faults: &mut Faults,
    ) -> Option<Given> {
        match &draft.url {
            None => faults.add("#/url", "is required"),
            Some(url) => {
                if let Err(cause) = check_url(url, &self.limits.addresses, self.limits.https_only) {
                    faults.add("#/url", cause);
                }
            }
        }
        let description = draft.description.clone().unwrap_or_default();
        check_text(faults, "#/description", &description);
        let event_types = draft
            .event_types
            .as_ref()
            .map(|list| self.check_subscriptions(scope, list, before, faults));
        let attributes = Attributes::new(draft.attributes.clone().unwrap_or_default());
        if let Err(cause) = &attributes {
            faults.add("#/attributes", cause);
        }
        if let Some(Err(cause)) = draft.filter.as_deref().map(Filter::compile) {
            faults.add("#/filter", cause);
        }
        let headers = draft.headers.clone().unwrap_or_default();
        for cause in check_headers(&headers).err().unwrap_or_default() {
            faults.add(header_pointer(&cause), cause);
        }
        let metadata = draft.metadata.clone().unwrap_or_default();
        check_metadata(faults, &metadata);
        let policy = draft.policy.clone().unwrap_or_default();
        for cause in policy.faults() {
            faults.add(format!("#/delivery_policy/{}", cause.member), cause.detail);
        }
        let ordering = draft.ordering.unwrap_or_default();
        let on_failure = draft.on_failure.unwrap_or_default();
        if ordering == Ordering::Unordered && on_failure == OnFailure::Hold {
            faults.add(
                "#/on_failure",
                "can be \"hold\" only where \"ordering\" is \"by_key\" or \"strict\"",
            );
        }
        let rate_limit = draft.rate_limit.map(|given| given.check(faults));
        for cause in draft.batch.iter().flat_map(Batching::faults) {
            faults.add(format!("#/batch/{}", cause.member), cause.detail);
        }
        Some(Given {
            url: draft.url.clone()?,
            description,
            event_types,
            attributes: attributes.ok()?,
            filter: draft.filter.clone(),
            headers,
            metadata,
            policy,
            ordering,
            on_failure,
            rate_limit,
            batch: draft.batch,
            enabled: draft.enabled.unwrap_or(true),
        })
    }

    fn check_subscriptions(
        &self,
        scope: &Scope,
        list: &[SubscriptionDraft],
        before: &[Subscription],
        faults: &mut Faults,
    ) -> Vec<Subscription> {
        if list.len() > MAX_EVENT_TYPES {
            faults.add(
                "#/event_types",
                format!("must have at most {MAX_EVENT_TYPES} entries"),
            );
            return Vec::new();
        }
        let mut taken = Vec::with_capacity(list.len());
        for (place, draft) in list.iter().enumerate() {
            let at = format!("#/event_types/{place}");
            let checked = read_subscription(draft).and_then(|entry| {
                // What it had before may stay: a type that was removed since, or a dialect's own name.
                if !before.contains(&entry) {
                    self.in_catalogue(scope, &entry)?;
                }
                Ok(entry)
            });
            match checked {
                Ok(entry) if taken.contains(&entry) => {}
                Ok(entry) => taken.push(entry),
                Err(detail) => faults.add(at, detail),
            }
        }
        taken
    }

    /// Whether the catalogue has what an entry names. A prefix may come before its types.
    fn in_catalogue(&self, scope: &Scope, entry: &Subscription) -> Result<(), String> {
        let (name, subcategory) = match entry {
            Subscription::Prefix(_) => return Ok(()),
            Subscription::Type(name) => (name, None),
            Subscription::Subcategory {
                event_type,
                subcategory,
            } => (event_type, Some(subcategory)),
        };
        let Some(known) = self.directory.route(scope, name.as_str()).event_type else {
            return Err(format!(
                "names the event type \"{name}\", which the catalogue does not have; create it first"
            ));
        };
        match subcategory {
            Some(wanted)
                if !known
                    .event_type
                    .subcategories
                    .iter()
                    .any(|each| each.value == *wanted) =>
            {
                Err(format!(
                    "names the subcategory {wanted:?}, which \"{name}\" does not have"
                ))
            }
            _ => Ok(()),
        }
    }
}

impl RateLimitDraft {
    /// The rate; it counts only if no fault was added.
    pub(crate) fn check(self, faults: &mut Faults) -> RateLimit {
        let rate = RateLimit {
            requests: self.requests,
            per: self.per,
            burst: self
                .burst
                .unwrap_or_else(|| RateLimit::usual_burst(self.requests, self.per)),
        };
        for cause in rate.faults() {
            faults.add(format!("#/rate_limit/{}", cause.member), cause.detail);
        }
        rate
    }
}

fn read_subscription(draft: &SubscriptionDraft) -> Result<Subscription, String> {
    match draft {
        SubscriptionDraft::Text(text) => {
            Subscription::parse(text).map_err(|cause| format!("is {cause}"))
        }
        SubscriptionDraft::Subcategory {
            event_type,
            subcategory,
        } => {
            let event_type = EventTypeName::parse(event_type)
                .map_err(|cause| format!("has a type that {cause}"))?;
            Ok(Subscription::Subcategory {
                event_type,
                subcategory: subcategory.clone(),
            })
        }
    }
}

fn header_pointer(cause: &InvalidHeader) -> String {
    match cause {
        InvalidHeader::TooMany(_) => "#/headers".to_owned(),
        InvalidHeader::Name(name)
        | InvalidHeader::Reserved(name)
        | InvalidHeader::Value(name)
        | InvalidHeader::Twice(name) => {
            // As RFC 6901 escapes member names.
            format!("#/headers/{}", name.replace('~', "~0").replace('/', "~1"))
        }
    }
}
