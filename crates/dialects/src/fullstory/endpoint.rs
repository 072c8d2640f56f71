//! An endpoint as FullStory shows it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fanfare_domain::endpoint::{Endpoint, Subscription};
use serde::Serialize;

use super::events::Events;

/// An endpoint, members in the original's order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown {
    pub(super) id: String,
    created: String,
    modified: String,
    enabled: bool,
    url: String,
    event_types: Vec<Entry>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    event_name: String,
    /// Empty where there is none.
    subcategory: String,
}

/// The id of the endpoint with this URL.
pub(super) fn id_of(url: &str) -> String {
    URL_SAFE_NO_PAD.encode(url)
}

impl Shown {
    pub(super) fn of(endpoint: &Endpoint, events: &Events) -> Self {
        let external = endpoint.external.as_ref();
        Self {
            id: external.map_or_else(|| id_of(&endpoint.url), |external| external.id.clone()),
            created: endpoint.created_at.to_string(),
            modified: endpoint.updated_at.to_string(),
            enabled: endpoint.enabled(),
            url: endpoint.url.clone(),
            event_types: entries(endpoint, events),
        }
    }
}

/// What it takes. Everything, and names by their beginning, can only have been said through the native
/// API; they are shown as the names that they stand for.
fn entries(endpoint: &Endpoint, events: &Events) -> Vec<Entry> {
    let whole = |name: &str| Entry {
        event_name: name.to_owned(),
        subcategory: String::new(),
    };
    let Some(list) = &endpoint.event_types else {
        return events.names().map(whole).collect();
    };
    let mut shown = Vec::with_capacity(list.len());
    for entry in list {
        match entry {
            Subscription::Type(name) => shown.push(whole(name.as_str())),
            Subscription::Prefix(prefix) => {
                let beginning = |name: &&str| name.starts_with(prefix.as_str());
                shown.extend(events.names().filter(beginning).map(whole));
            }
            Subscription::Subcategory {
                event_type,
                subcategory,
            } => shown.push(Entry {
                event_name: event_type.to_string(),
                subcategory: subcategory.clone(),
            }),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use fanfare_domain::endpoint::External;
    use fanfare_domain::id::EndpointId;
    use fanfare_domain::name::EventTypeName;
    use fanfare_domain::secret::SecretKind;
    use fanfare_domain::time::Timestamp;
    use fanfare_testkit::builders::acme;

    use super::*;

    #[test]
    fn an_id_is_the_url_in_base64_that_paths_can_hold() {
        for (url, id) in [
            (
                "https://example.com/fullstory-webhooks",
                "aHR0cHM6Ly9leGFtcGxlLmNvbS9mdWxsc3Rvcnktd2ViaG9va3M",
            ),
            (
                "https://hooks.example.net/a?b=c&d=~~",
                "aHR0cHM6Ly9ob29rcy5leGFtcGxlLm5ldC9hP2I9YyZkPX5-",
            ),
        ] {
            assert_eq!(id_of(url), id);
        }
    }

    #[test]
    fn the_original_pages_example_is_shown_byte_for_byte() {
        let url = "https://example.com/fullstory-webhooks";
        let subcategory = "CgsiCW8tSDkxLW5hMRIOCgRTZWF0GgZzeXN0ZW0SEwoHU2VnbWVudBoIZXZlcnlvbmUSEQoIU2VhcmNoaWUaBTQ5MTY4EhAKBUFsZXJ0EICAgICAqJkL";
        let time = Timestamp::parse("2020-04-01T21:53:58.200Z").unwrap();
        let endpoint = Endpoint {
            id: EndpointId::from_bits(1),
            scope: acme(),
            dialect: Some(super::super::NAME.to_owned()),
            external: Some(External {
                id: id_of(url),
                data: serde_json::Map::new(),
            }),
            url: url.to_owned(),
            description: String::new(),
            event_types: Some(vec![Subscription::Subcategory {
                event_type: EventTypeName::parse("recording.event.custom").unwrap(),
                subcategory: subcategory.to_owned(),
            }]),
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
            disabled: None,
            failing: None,
            created_at: time,
            updated_at: time,
        };
        let shown = Shown::of(&endpoint, &Events::new(None).unwrap());
        let expected = format!(
            r#"{{"id":"aHR0cHM6Ly9leGFtcGxlLmNvbS9mdWxsc3Rvcnktd2ViaG9va3M","created":"2020-04-01T21:53:58.200Z","modified":"2020-04-01T21:53:58.200Z","enabled":true,"url":"{url}","eventTypes":[{{"eventName":"recording.event.custom","subcategory":"{subcategory}"}}]}}"#
        );
        assert_eq!(serde_json::to_string(&shown).unwrap(), expected);
    }
}
