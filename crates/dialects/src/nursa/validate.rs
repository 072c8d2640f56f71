//! What a body says, and all that is wrong with it, in the words and the order of the validation
//! library behind the original.

use axum::body::Body;
use fanfare_app::Fanfare;
use fanfare_domain::event::Attributes;
use serde_json::{Map, Value};

use super::desk::Desk;
use super::failure::Failure;
use super::group::Group;

/// The most secrets of a webhook.
const MOST_SECRETS: usize = 2;

/// A body that was found right.
pub(super) struct Given {
    /// None: absent.
    pub(super) url: Option<String>,
    /// As given; none: absent.
    pub(super) events: Option<Vec<String>>,
    pub(super) facilities: Facilities,
    pub(super) secrets: Secrets,
}

/// What a body says of secrets. "If no value is provided" one is made, so that a webhook never ends up
/// without: this is the one place that says what no value is. An absent field says nothing, so a
/// change of something else leaves the receivers' secrets alone.
pub(super) enum Secrets {
    /// The field is absent.
    Unsaid,
    /// Null or `[]`.
    NoValue,
    /// These, in their order.
    These(Vec<String>),
}

/// What a body says of facilities.
pub(super) enum Facilities {
    /// The field is absent.
    Unsaid,
    /// Null or `[]`: all of them.
    All,
    /// These.
    These(Vec<String>),
}

/// Which operation the body is of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Create,
    Update,
}

impl Desk {
    /// Reads a body. Empty ones, and JSON that is no object, count as `{}`.
    pub(super) async fn object(&self, body: Body) -> Result<Map<String, Value>, Failure> {
        let bytes = self.door.read(body).await?;
        if bytes.is_empty() {
            return Ok(Map::new());
        }
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(map)) => Ok(map),
            Ok(_) => Ok(Map::new()),
            Err(cause) => Err(Failure::Messages(vec![cause.to_string()])),
        }
    }
}

/// Checks a body; what is wrong with it is told all at once.
pub(super) fn check(
    body: &Map<String, Value>,
    group: &Group,
    purpose: Purpose,
    fanfare: &Fanfare,
) -> Result<Given, Failure> {
    let mut messages = Vec::new();
    let url = url(body, purpose, fanfare, &mut messages);
    let events = events(body, group, purpose, &mut messages);
    let facilities = if group.of_facilities {
        facilities(body, &mut messages)
    } else {
        Facilities::Unsaid
    };
    let secrets = secrets(body, &mut messages);
    if messages.is_empty() {
        Ok(Given {
            url,
            events,
            facilities,
            secrets,
        })
    } else {
        Err(Failure::Messages(messages))
    }
}

fn url(
    body: &Map<String, Value>,
    purpose: Purpose,
    fanfare: &Fanfare,
    messages: &mut Vec<String>,
) -> Option<String> {
    const SECURE: &str = "should be a secure URL with HTTPS";
    match body.get("url") {
        None | Some(Value::Null) if purpose == Purpose::Update => None,
        Some(Value::String(url)) => {
            let https = url
                .get(..8)
                .is_some_and(|start| start.eq_ignore_ascii_case("https://"));
            if !https || fanfare.check_endpoint_url(url).is_err() {
                messages.push(SECURE.to_owned());
            }
            Some(url.clone())
        }
        _ => {
            messages.push(SECURE.to_owned());
            messages.push("url must be a string".to_owned());
            None
        }
    }
}

fn events(
    body: &Map<String, Value>,
    group: &Group,
    purpose: Purpose,
    messages: &mut Vec<String>,
) -> Option<Vec<String>> {
    let unknown = || {
        format!(
            "each value in events must be one of the following values: {}",
            group.one_of
        )
    };
    let few = || "events must contain at least 1 elements".to_owned();
    match body.get("events") {
        // The facility group's changes require nothing.
        None | Some(Value::Null) if group.of_facilities && purpose == Purpose::Update => None,
        Some(Value::Array(list)) => {
            let known: Vec<String> = list
                .iter()
                .filter_map(Value::as_str)
                .filter(|name| group.knows(name))
                .map(str::to_owned)
                .collect();
            if list.is_empty() {
                messages.push(few());
            } else if known.len() < list.len() {
                messages.push(unknown());
            }
            Some(known)
        }
        other => {
            messages.push(few());
            messages.push("events must be an array".to_owned());
            // The library tests what is no array as if it were a member.
            let known = |given: &Value| given.as_str().is_some_and(|name| group.knows(name));
            if !other.is_some_and(known) {
                messages.push(unknown());
            }
            None
        }
    }
}

/// What the page does not bound has the bounds that all attributes have, told in the library's words.
fn facilities(body: &Map<String, Value>, messages: &mut Vec<String>) -> Facilities {
    let list = match body.get("facilities") {
        None => return Facilities::Unsaid,
        Some(Value::Null) => return Facilities::All,
        Some(Value::Array(list)) if list.is_empty() => return Facilities::All,
        Some(Value::Array(list)) => list,
        Some(_) => {
            messages.push("each value in facilities must be a string".to_owned());
            return Facilities::Unsaid;
        }
    };
    let ids: Vec<String> = list
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    if ids.len() < list.len() {
        messages.push("each value in facilities must be a string".to_owned());
    }
    if ids.iter().any(String::is_empty) {
        messages.push("each value in facilities should not be empty".to_owned());
    }
    if ids.iter().any(|id| id.len() > Attributes::MAX_VALUE) {
        messages.push(format!(
            "each value in facilities must be shorter than or equal to {} characters",
            Attributes::MAX_VALUE
        ));
    }
    if list.len() > Attributes::MAX_VALUES {
        messages.push(format!(
            "facilities must contain no more than {} elements",
            Attributes::MAX_VALUES
        ));
    }
    Facilities::These(ids)
}

fn secrets(body: &Map<String, Value>, messages: &mut Vec<String>) -> Secrets {
    let many = || format!("secrets must contain no more than {MOST_SECRETS} elements");
    let list = match body.get("secrets") {
        None => return Secrets::Unsaid,
        Some(Value::Null) => return Secrets::NoValue,
        Some(Value::Array(list)) if list.is_empty() => return Secrets::NoValue,
        Some(Value::Array(list)) => list,
        Some(_) => {
            messages.push(many());
            messages.push("secrets must be an array".to_owned());
            return Secrets::Unsaid;
        }
    };
    if list.len() > MOST_SECRETS {
        messages.push(many());
    }
    if list.iter().any(|each| each.as_str() == Some("")) {
        messages.push("each value in secrets should not be empty".to_owned());
    }
    if list.iter().any(|each| !each.is_string()) {
        messages.push("each value in secrets must be a string".to_owned());
    }
    let texts = list.iter().filter_map(Value::as_str).map(str::to_owned);
    Secrets::These(texts.collect())
}
