//! A webhook as Collect shows it.

use fanfare_domain::endpoint::{Endpoint, Subscription};
use serde::Serialize;

use super::CAMPAIGN;
use super::date::DateForm;
use super::events::Events;

/// A webhook, members in the original's order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown {
    #[serde(rename = "_id")]
    id: String,
    target_url: String,
    status: &'static str,
    types: Vec<String>,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_token: Option<String>,
}

impl Shown {
    pub(super) fn of(endpoint: &Endpoint, events: &Events, dates: DateForm) -> Self {
        let external = endpoint.external.as_ref();
        let campaigns = endpoint.attributes.get(CAMPAIGN);
        let token = endpoint.secrets.first();
        Self {
            id: external.map_or_else(String::new, |external| external.id.clone()),
            target_url: endpoint.url.clone(),
            status: if endpoint.enabled() {
                "active"
            } else {
                "paused"
            },
            types: types(endpoint, events),
            created_at: dates.write(endpoint.created_at),
            campaign_id: campaigns.and_then(|list| list.first()).cloned(),
            secret_token: token.map(|secret| secret.text.clone()),
        }
    }
}

/// What it takes; empty where it takes everything. Names by their beginning, and subcategories, can only
/// have been said through the native API; they are shown as the names that they stand for.
fn types(endpoint: &Endpoint, events: &Events) -> Vec<String> {
    let mut shown: Vec<String> = Vec::new();
    let mut show = |name: &str| {
        if !shown.iter().any(|other| other == name) {
            shown.push(name.to_owned());
        }
    };
    for entry in endpoint.event_types.iter().flatten() {
        match entry {
            Subscription::Type(name) => show(name.as_str()),
            Subscription::Subcategory { event_type, .. } => show(event_type.as_str()),
            Subscription::Prefix(prefix) => {
                let names = events.names().map(|name| name.as_str());
                names
                    .filter(|name| name.starts_with(prefix.as_str()))
                    .for_each(&mut show);
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use fanfare_domain::endpoint::{Disabled, DisabledReason, External};
    use fanfare_domain::id::EndpointId;
    use fanfare_domain::secret::SecretKind;
    use fanfare_domain::time::Timestamp;
    use fanfare_testkit::builders::acme;

    use super::*;

    #[test]
    fn the_original_pages_example_is_shown_byte_for_byte() {
        let events = Events::new(None).unwrap();
        let time = Timestamp::parse("2022-07-13T15:01:38Z").unwrap();
        let taken = ["created", "statusChanged", "dueDateChanged"];
        let taken = taken.map(|name| Subscription::parse(name).unwrap());
        let endpoint = Endpoint {
            id: EndpointId::from_bits(1),
            scope: acme(),
            dialect: Some(super::super::NAME.to_owned()),
            external: Some(External {
                id: "eqQkPdnqwN7J38QEx".to_owned(),
                data: serde_json::Map::new(),
            }),
            url: "https://yourserver.com/collect-hook".to_owned(),
            description: String::new(),
            event_types: Some(taken.to_vec()),
            attributes: Default::default(),
            filter: None,
            headers: Default::default(),
            metadata: Default::default(),
            policy: Default::default(),
            ordering: Default::default(),
            on_failure: Default::default(),
            rate_limit: None,
            batch: None,
            signature: SecretKind::Hmac,
            secrets: Vec::new(),
            disabled: Some(Disabled {
                reason: DisabledReason::Manual,
                since: time,
            }),
            failing: None,
            created_at: time,
            updated_at: time,
        };
        let shown = Shown::of(&endpoint, &events, DateForm::Page);
        assert_eq!(
            serde_json::to_string(&shown).unwrap(),
            r#"{"_id":"eqQkPdnqwN7J38QEx","targetUrl":"https://yourserver.com/collect-hook","status":"paused","types":["created","statusChanged","dueDateChanged"],"createdAt":"2022-07-13 15:01:38 UTC"}"#
        );
    }
}
