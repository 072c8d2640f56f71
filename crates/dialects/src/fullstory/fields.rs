//! The fields of requests: both casings, and null is the same as absent.

use fanfare_domain::endpoint::Subscription;
use fanfare_domain::name::Scope;
use serde_json::{Map, Value};

use super::desk::Desk;
use super::failure::Failure;

/// The longest secret, in bytes: the original names no bound.
pub(super) const MOST_SECRET: usize = 1_024;
/// The most entries of `eventTypes`, as everywhere in Fanfare.
const MOST_EVENT_TYPES: usize = 500;
/// The longest subcategory, in bytes, as in Fanfare's catalogue.
const MOST_SUBCATEGORY: usize = fanfare_app::event_types::MAX_SUBCATEGORY;

/// A field that is there; null is not.
fn given<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

/// A field with two spellings, of which a request may use one.
fn either<'a>(
    object: &'a Map<String, Value>,
    camel: &str,
    snake: &str,
) -> Result<Option<&'a Value>, Failure> {
    if object.contains_key(camel) && object.contains_key(snake) {
        return Err(Failure::field(format!(
            "{camel} and {snake} are the same field; give only one"
        )));
    }
    Ok(given(object, camel).or_else(|| given(object, snake)))
}

/// A text; the empty one says nothing.
fn text(name: &str, value: Option<&Value>) -> Result<Option<String>, Failure> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Failure::field(format!("{name} must be a string"))),
    }
}

pub(super) fn disabled(body: &Map<String, Value>) -> Result<bool, Failure> {
    match given(body, "disabled") {
        None => Ok(false),
        Some(Value::Bool(disabled)) => Ok(*disabled),
        Some(_) => Err(Failure::field("disabled must be a boolean")),
    }
}

pub(super) fn secret(body: &Map<String, Value>) -> Result<Option<String>, Failure> {
    let secret = text("secret", given(body, "secret"))?;
    if secret.as_ref().is_some_and(|text| text.len() > MOST_SECRET) {
        return Err(Failure::field(format!(
            "secret must be at most {MOST_SECRET} bytes long"
        )));
    }
    Ok(secret)
}

impl Desk {
    /// A URL that deliveries may be sent to.
    pub(super) fn url(&self, body: &Map<String, Value>) -> Result<Option<String>, Failure> {
        let Some(url) = text("url", given(body, "url"))? else {
            return Ok(None);
        };
        let begins = |start: &str| {
            url.get(..start.len())
                .is_some_and(|own| own.eq_ignore_ascii_case(start))
        };
        if !begins("https://") && !begins("http://") {
            return Err(Failure::field(
                "url must be an absolute URL with the scheme http or https",
            ));
        }
        if self.https_only && !begins("https://") {
            return Err(Failure::field("url must begin with https://"));
        }
        match self.door.fanfare.check_endpoint_url(&url) {
            Ok(()) => Ok(Some(url)),
            Err(cause) => Err(Failure::field(format!("url {cause}"))),
        }
    }

    /// The events asked for, without repetitions; none where the field is absent or empty.
    pub(super) fn event_types(
        &self,
        body: &Map<String, Value>,
        scope: &Scope,
    ) -> Result<Option<Vec<Subscription>>, Failure> {
        let list = match either(body, "eventTypes", "event_types")? {
            None => return Ok(None),
            Some(Value::Array(list)) => list,
            Some(_) => return Err(Failure::field("eventTypes must be an array")),
        };
        let mut taken: Vec<Subscription> = Vec::new();
        for entry in list {
            let Value::Object(entry) = entry else {
                return Err(Failure::field("eventTypes must hold objects"));
            };
            let entry = self.entry(entry, scope)?;
            if taken.contains(&entry) {
                continue;
            }
            if taken.len() == MOST_EVENT_TYPES {
                return Err(Failure::field(format!(
                    "eventTypes must have at most {MOST_EVENT_TYPES} entries"
                )));
            }
            taken.push(entry);
        }
        Ok((!taken.is_empty()).then_some(taken))
    }

    fn entry(&self, entry: &Map<String, Value>, scope: &Scope) -> Result<Subscription, Failure> {
        let name = either(entry, "eventName", "event_name")?;
        let name = text("eventName", name)?.ok_or_else(|| Failure::required("eventName"))?;
        let Some(known) = self.events.find(&name) else {
            let shown: String = name.chars().take(100).collect();
            return Err(Failure::field(format!(
                "eventName {shown:?} is not an event that there is"
            )));
        };
        let subcategory = text("subcategory", given(entry, "subcategory"))?;
        let listed = known.listed(self.door.fanfare.directory(), scope);
        let Some(subcategory) = subcategory else {
            if known.has_subcategories(&listed) {
                return Err(Failure::required("subcategory"));
            }
            return Ok(Subscription::Type(known.name.clone()));
        };
        if !known.has_subcategories(&listed) {
            return Err(Failure::field(format!(
                "subcategory must be empty: {name} has none"
            )));
        }
        if subcategory.len() > MOST_SUBCATEGORY {
            return Err(Failure::field(format!(
                "subcategory must be at most {MOST_SUBCATEGORY} bytes long"
            )));
        }
        if !listed.is_empty() && !listed.iter().any(|each| each.value == subcategory) {
            return Err(Failure::field(format!(
                "subcategory is not one of those that {name} has"
            )));
        }
        Ok(Subscription::Subcategory {
            event_type: known.name.clone(),
            subcategory,
        })
    }
}
