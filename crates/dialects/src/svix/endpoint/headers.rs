//! Headers of deliveries: `GET`, `PUT` and `PATCH …/headers`.

use std::collections::BTreeMap;

use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::header::check_headers;
use serde_json::{Value, json};

use crate::svix::call::{Answer, Call};
use crate::svix::endpoint::changed;
use crate::svix::failure::{ALL, Failure};
use crate::svix::fields::{Fields, Given, required};

/// Whose values never come back.
const SENSITIVE: [&str; 6] = [
    "authorization",
    "x-api-key",
    "x-auth-token",
    "www-authenticate",
    "proxy-authenticate",
    "proxy-authorization",
];

/// Names that a delivery does not take, besides those that no endpoint's does.
const REFUSED: [&str; 20] = [
    "user-agent",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailers",
    "transfer-encoding",
    "upgrade",
    "age",
    "cache-control",
    "clear-site-data",
    "expires",
    "pragma",
    "warning",
    "content-length",
    "content-type",
    "content-encoding",
    "content-language",
    "content-location",
    "host",
];
const REFUSED_PREFIXES: [&str; 10] = [
    "x-amz-", "x-amzn-", "x-google", "x-goog-", "x-gfe", "x-azure-", "x-fd-", "x-svix-", "svix-",
    "webhook-",
];

/// What is wrong with headers, if something is.
fn fault(headers: &BTreeMap<String, String>) -> Option<String> {
    let refused = headers.keys().find(|name| {
        let name = name.to_ascii_lowercase();
        let begins = |prefix: &&str| name.starts_with(*prefix);
        REFUSED.contains(&name.as_str()) || REFUSED_PREFIXES.iter().any(begins)
    });
    if let Some(name) = refused {
        let name: String = name.chars().take(128).collect();
        return Some(format!("the header {name:?} can't be set"));
    }
    let faults = check_headers(headers).err()?;
    faults.first().map(ToString::to_string)
}

fn texts(value: &Value) -> Option<BTreeMap<String, String>> {
    let entries = value.as_object()?.iter();
    let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    entries.map(text).collect()
}

/// Reads `headers` of an endpoint to be made, or to be given others.
pub(super) fn given(fields: &mut Fields) -> Result<Option<BTreeMap<String, String>>, Failure> {
    let headers = fields.typed("headers", "an object of strings", texts)?;
    let Some(headers) = headers.value() else {
        return Ok(None);
    };
    match fault(&headers) {
        Some(message) => Err(Failure::decode(&["body", "headers"], message)),
        None => Ok(Some(headers)),
    }
}

/// `GET …/headers`.
pub(in crate::svix) async fn read(call: &Call) -> Result<Answer, Failure> {
    let endpoint = call.endpoint().await?;
    let sensitive = |name: &String| SENSITIVE.contains(&name.to_ascii_lowercase().as_str());
    let (hidden, open): (Vec<_>, Vec<_>) = endpoint
        .headers
        .iter()
        .partition(|(name, _)| sensitive(name));
    let names: Vec<&String> = hidden.into_iter().map(|(name, _)| name).collect();
    let open: BTreeMap<_, _> = open.into_iter().collect();
    Ok(Answer::ok(&json!({"headers": open, "sensitive": names})))
}

/// `PUT …/headers`.
pub(in crate::svix) async fn replace(call: &Call) -> Result<Answer, Failure> {
    let endpoint = call.endpoint().await?;
    let mut fields = Fields::read(&call.body)?;
    let headers = match given(&mut fields)? {
        Some(headers) => headers,
        None => required("headers", Given::Absent)?,
    };
    let change = |endpoint: &mut Endpoint| {
        endpoint.headers.clone_from(&headers);
        Ok(())
    };
    changed(call, &endpoint, change).await?;
    Ok(Answer::nothing())
}

/// `PATCH …/headers`.
pub(in crate::svix) async fn merge(call: &Call) -> Result<Answer, Failure> {
    let endpoint = call.endpoint().await?;
    let mut fields = Fields::read(&call.body)?;
    let read = |value: &Value| {
        let entries = value.as_object()?.iter();
        let text = |(name, value): (&String, &Value)| match value {
            Value::Null => Some((name.clone(), None)),
            Value::String(text) => Some((name.clone(), Some(text.clone()))),
            _ => None,
        };
        entries.map(text).collect::<Option<Vec<_>>>()
    };
    let given = fields.typed("headers", "an object of strings and nulls", read)?;
    let given = required("headers", given)?;
    let removed = fields.texts("deleteHeaders")?.value().unwrap_or_default();
    let change = |endpoint: &mut Endpoint| {
        let headers = &mut endpoint.headers;
        // Names are the same whatever their case.
        let mut remove = |name: &str| headers.retain(|each, _| !each.eq_ignore_ascii_case(name));
        removed.iter().for_each(|name| remove(name));
        given.iter().for_each(|(name, _)| remove(name));
        let set = given.iter().cloned();
        headers.extend(set.filter_map(|(name, value)| Some((name, value?))));
        match fault(headers) {
            Some(message) => Err(Failure::rule(&["body", "headers", ALL], message)),
            None => Ok(()),
        }
    };
    changed(call, &endpoint, change).await?;
    Ok(Answer::nothing())
}
