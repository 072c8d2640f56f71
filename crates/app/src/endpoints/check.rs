//! Checks of what an owner says of an endpoint.

use std::collections::BTreeMap;

use fanfare_domain::endpoint::Subscription;
use fanfare_domain::event::Attributes;
use fanfare_domain::header::{InvalidHeader, check_headers};
use fanfare_domain::name::{EventTypeName, Scope};
use fanfare_domain::policy::PolicyPatch;
use fanfare_domain::target_url::check_url;

use super::{EndpointDraft, SubscriptionDraft};
use crate::environments::check_text;
use crate::error::Faults;
use crate::fanfare::Fanfare;
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
    pub(super) headers: BTreeMap<String, String>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) policy: PolicyPatch,
    pub(super) enabled: bool,
}

impl Fanfare {
    /// Checks a draft; what it answers counts only if no fault was added.
    pub(super) fn check_endpoint(
        &self,
        scope: &Scope,
        draft: &EndpointDraft,
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
            .map(|list| self.check_subscriptions(scope, list, faults));
        let attributes = Attributes::new(draft.attributes.clone().unwrap_or_default());
        if let Err(cause) = &attributes {
            faults.add("#/attributes", cause);
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
        Some(Given {
            url: draft.url.clone()?,
            description,
            event_types,
            attributes: attributes.ok()?,
            headers,
            metadata,
            policy,
            enabled: draft.enabled.unwrap_or(true),
        })
    }

    fn check_subscriptions(
        &self,
        scope: &Scope,
        list: &[SubscriptionDraft],
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
            match self.check_subscription(scope, draft) {
                Ok(entry) if taken.contains(&entry) => {}
                Ok(entry) => taken.push(entry),
                Err(detail) => faults.add(at, detail),
            }
        }
        taken
    }

    fn check_subscription(
        &self,
        scope: &Scope,
        draft: &SubscriptionDraft,
    ) -> Result<Subscription, String> {
        let known = |name: &str| {
            let unknown = || {
                format!(
                    "names the event type {name:?}, which the catalogue does not have; create it first"
                )
            };
            self.directory
                .route(scope, name)
                .event_type
                .ok_or_else(unknown)
        };
        match draft {
            SubscriptionDraft::Text(text) => {
                let entry = Subscription::parse(text).map_err(|cause| format!("is {cause}"))?;
                if let Subscription::Type(name) = &entry {
                    known(name.as_str())?;
                }
                Ok(entry)
            }
            SubscriptionDraft::Subcategory {
                event_type,
                subcategory,
            } => {
                let name = EventTypeName::parse(event_type)
                    .map_err(|cause| format!("has a type that {cause}"))?;
                let has = known(event_type)?
                    .event_type
                    .subcategories
                    .iter()
                    .any(|each| each.value == *subcategory);
                if !has {
                    return Err(format!(
                        "names the subcategory {subcategory:?}, which {event_type:?} does not have"
                    ));
                }
                Ok(Subscription::Subcategory {
                    event_type: name,
                    subcategory: subcategory.clone(),
                })
            }
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
