//! The fields of requests: absent, null and wrong are three things.

use std::collections::BTreeMap;

use fanfare_app::Fanfare;
use fanfare_domain::endpoint::Subscription;
use fanfare_domain::event::Attributes;
use fanfare_domain::name::EventTypeName;
use serde_json::{Map, Value};

use super::failure::Failure;

/// The most names of `events`, as everywhere in Fanfare.
const MOST_EVENTS: usize = 500;

/// The attribute of events that `entity_id` is compared with.
const ENTITY: &str = "entity_id";

/// What an endpoint takes; none: everything.
pub(super) type Taken = Option<Vec<Subscription>>;

/// A URL that deliveries may be sent to; none where it is absent.
pub(super) fn url(body: &Map<String, Value>, fanfare: &Fanfare) -> Result<Option<String>, Failure> {
    let wrong = |reason: String| Failure::wrong("url", reason);
    let url = match body.get("url") {
        None => return Ok(None),
        Some(Value::String(url)) => url,
        Some(_) => return Err(wrong("url must be a string".to_owned())),
    };
    let secure = url
        .get(..8)
        .is_some_and(|start| start.eq_ignore_ascii_case("https://"));
    if !secure {
        return Err(wrong("url must use HTTPS".to_owned()));
    }
    match fanfare.check_endpoint_url(url) {
        Ok(()) => Ok(Some(url.clone())),
        Err(cause) => Err(wrong(format!("url {cause}"))),
    }
}

/// The names asked for; the outer none where the field is absent. Null and `[]` ask for everything.
pub(super) fn events(body: &Map<String, Value>) -> Result<Option<Taken>, Failure> {
    let wrong = |reason: String| Failure::wrong("events", reason);
    let list = match body.get("events") {
        None => return Ok(None),
        Some(Value::Null) => return Ok(Some(None)),
        Some(Value::Array(list)) if list.is_empty() => return Ok(Some(None)),
        Some(Value::Array(list)) => list,
        Some(_) => {
            return Err(wrong(
                "events must be an array of event names or null".to_owned(),
            ));
        }
    };
    let mut taken: Vec<Subscription> = Vec::new();
    for name in list {
        let name = match name {
            Value::String(name) => EventTypeName::parse(name),
            _ => return Err(wrong("each event must be a string".to_owned())),
        };
        let entry = Subscription::Type(name.map_err(|cause| wrong(format!("each event {cause}")))?);
        if taken.contains(&entry) {
            continue;
        }
        if taken.len() == MOST_EVENTS {
            return Err(wrong(format!(
                "events must have at most {MOST_EVENTS} names"
            )));
        }
        taken.push(entry);
    }
    Ok(Some(Some(taken)))
}

/// The entity that events must carry. Absent, null and the empty text: none.
pub(super) fn entity(body: &Map<String, Value>) -> Result<Attributes, Failure> {
    let entity = match body.get(ENTITY) {
        None | Some(Value::Null) => return Ok(Attributes::default()),
        Some(Value::String(entity)) if entity.is_empty() => return Ok(Attributes::default()),
        Some(Value::String(entity)) => entity,
        Some(_) => return Err(Failure::wrong(ENTITY, "entity_id must be a string")),
    };
    let attributes = BTreeMap::from([(ENTITY.to_owned(), vec![entity.clone()])]);
    Attributes::new(attributes).map_err(|_| {
        let most = Attributes::MAX_VALUE;
        Failure::wrong(
            ENTITY,
            format!("entity_id must be at most {most} bytes long"),
        )
    })
}

/// The id of an endpoint, given or not.
pub(super) fn endpoint_id(given: Option<&Value>) -> Result<&str, Failure> {
    match given {
        None => Err(Failure::Absent("endpoint_id")),
        Some(Value::String(id)) if !id.is_empty() => Ok(id),
        Some(Value::String(_)) => Err(Failure::wrong(
            "endpoint_id",
            "endpoint_id must not be empty",
        )),
        Some(_) => Err(Failure::wrong(
            "endpoint_id",
            "endpoint_id must be a string",
        )),
    }
}
