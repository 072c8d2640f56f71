//! A webhook: what is kept of it, and how it is shown.

use std::collections::BTreeMap;

use fanfare_app::Fanfare;
use fanfare_domain::endpoint::{Endpoint, Subscription};
use fanfare_domain::event::Attributes;
use fanfare_domain::time::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::failure::Failure;
use super::group::{ALL, Group};
use super::validate::{Facilities, Secrets};
use super::{NAME, format};

/// The attribute of events that `facilities` is compared with.
pub(super) const FACILITY: &str = "facility_id";

/// Kept beside an endpoint: its group, `events` as given, and what they were taken for, by which a
/// change through another door is known.
const GROUP: &str = "group";
const EVENTS: &str = "events";
const TAKEN: &str = "taken";
/// `facilities` as given.
const FACILITIES: &str = "facilities";

/// A webhook, members in the original's order.
#[derive(Serialize)]
pub(super) struct Shown {
    id: String,
    url: String,
    events: Vec<String>,
    #[serde(rename = "clientId")]
    client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    facilities: Option<Vec<String>>,
    secrets: Vec<String>,
}

impl Shown {
    pub(super) fn of(endpoint: &Endpoint, group: &Group, now: Timestamp) -> Self {
        let signing = endpoint
            .secrets
            .iter()
            .filter(|secret| secret.signs_at(now));
        Self {
            id: endpoint
                .external
                .as_ref()
                .map(|external| external.id.clone())
                .unwrap_or_default(),
            url: endpoint.url.clone(),
            events: events_shown(endpoint),
            client_id: endpoint.scope.tenant.to_string(),
            facilities: group.of_facilities.then(|| facilities_shown(endpoint)),
            secrets: signing.map(|secret| secret.text.clone()).collect(),
        }
    }
}

/// The data that belongs to a webhook of a group.
pub(super) fn data_of(group: &Group) -> Map<String, Value> {
    Map::from_iter([(GROUP.to_owned(), Value::from(group.name))])
}

/// Whether an endpoint of this dialect is a webhook of this group.
pub(super) fn belongs(endpoint: &Endpoint, group: &Group) -> bool {
    endpoint.dialect.as_deref() == Some(NAME)
        && kept(endpoint, GROUP).and_then(Value::as_str) == Some(group.name)
}

fn kept<'a>(endpoint: &'a Endpoint, name: &str) -> Option<&'a Value> {
    endpoint.external.as_ref()?.data.get(name)
}

fn keep(endpoint: &mut Endpoint, name: &str, texts: &[String]) {
    if let Some(external) = &mut endpoint.external {
        external.data.insert(name.to_owned(), Value::from(texts));
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn named(taken: Option<&Vec<Subscription>>) -> Vec<String> {
    match taken {
        Some(list) => list.iter().map(Subscription::to_string).collect(),
        None => vec![ALL.to_owned()],
    }
}

/// As they were given; where another door changed them since, what counts now.
fn events_shown(endpoint: &Endpoint) -> Vec<String> {
    let now = named(endpoint.event_types.as_ref());
    if texts(kept(endpoint, TAKEN)) == now {
        texts(kept(endpoint, EVENTS))
    } else {
        now
    }
}

/// As they were given; where another door changed them since, what counts now.
fn facilities_shown(endpoint: &Endpoint) -> Vec<String> {
    let now = endpoint.attributes.get(FACILITY).unwrap_or_default();
    let given = texts(kept(endpoint, FACILITIES));
    let mut sorted = given.clone();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted == now { given } else { now.to_vec() }
}

/// Takes `events` as given.
pub(super) fn set_events(endpoint: &mut Endpoint, group: &Group, given: &[String]) {
    let taken = group.taken(given);
    keep(endpoint, EVENTS, given);
    endpoint.event_types = Some(taken);
    let taken = named(endpoint.event_types.as_ref());
    keep(endpoint, TAKEN, &taken);
}

/// Takes what was said of facilities.
pub(super) fn set_facilities(endpoint: &mut Endpoint, said: &Facilities) -> Result<(), Failure> {
    let given: &[String] = match said {
        Facilities::Unsaid => return Ok(()),
        Facilities::All => &[],
        Facilities::These(ids) => ids,
    };
    let mut attributes: BTreeMap<String, Vec<String>> = endpoint
        .attributes
        .iter()
        .map(|(name, values)| (name.to_owned(), values.to_vec()))
        .collect();
    attributes.insert(FACILITY.to_owned(), given.to_vec());
    endpoint.attributes = Attributes::new(attributes)
        .map_err(|cause| Failure::Messages(vec![format!("facilities {cause}")]))?;
    keep(endpoint, FACILITIES, given);
    Ok(())
}

/// The texts of the secrets that a webhook is to have; none: those that it has.
pub(super) fn secrets(said: &Secrets, fanfare: &Fanfare) -> Option<Vec<String>> {
    match said {
        Secrets::Unsaid => None,
        Secrets::NoValue => Some(vec![format::secret(&fanfare.chance())]),
        Secrets::These(texts) => Some(texts.clone()),
    }
}

/// Gives a webhook these secrets; one that it has keeps its age and loses its end.
pub(super) fn set_secrets(endpoint: &mut Endpoint, texts: &[String], fanfare: &Fanfare) {
    let before = std::mem::take(&mut endpoint.secrets);
    endpoint.secrets = texts
        .iter()
        .map(|text| {
            let mut secret = fanfare.secret_from_now(text.clone());
            if let Some(known) = before.iter().find(|known| known.text == *text) {
                secret.created_at = known.created_at;
            }
            secret
        })
        .collect();
}
