//! Endpoints.

use std::collections::BTreeMap;

use fanfare_domain::attempt::Attempt;
use fanfare_domain::endpoint::{Disabled, DisabledReason, Endpoint, Subscription};
use fanfare_domain::event::Attributes;
use fanfare_domain::id::EndpointId;
use fanfare_domain::name::Scope;
use fanfare_domain::time::Timestamp;
use serde_json::{Value, json};
use url::Url;

use super::call::Call;
use super::failure::{Entry, Failure};
use super::fields::{Fields, not_null, required};
use super::ids;
use super::message::CHANNELS;
use super::rules::{
    check_list, check_text, check_uid, metadata, rate_limit, shown_rate, throttle_rate,
};

pub(super) mod create;
pub(super) mod delete;
pub(super) mod example;
pub(super) mod headers;
pub(super) mod list;
pub(super) mod patch;
pub(super) mod read;
pub(super) mod recover;
pub(super) mod secret;
pub(super) mod stats;
pub(super) mod upsert;

/// The most bytes of a URL; the original has no bound but the body's.
const MOST_URL: usize = 8_192;
/// The most channels and event types.
const MOST_CHANNELS: usize = 10;
const MOST_TYPES: usize = 1_000;
const MOST_VERSION: u64 = 65_535;

/// Under these names an endpoint's further data has what only this contract shows.
const UID: &str = "uid";
const VERSION: &str = "version";
/// The id that it had on the server that it was taken over from.
const IMPORTED: &str = "importedFrom";

/// What a body says of an endpoint, whole.
#[derive(Clone, Debug)]
struct EndpointIn {
    url: String,
    description: String,
    disabled: bool,
    version: u64,
    uid: Option<String>,
    rate: Option<u32>,
    types: Option<Vec<String>>,
    channels: Option<Vec<String>>,
    metadata: BTreeMap<String, String>,
}

impl EndpointIn {
    /// Reads all members but those that only the making of an endpoint has.
    fn read(call: &Call, fields: &mut Fields) -> Result<Self, Failure> {
        let url = fields.text("url")?;
        let url = required("url", url)?;
        check_url(call, &url)?;
        let given = Self {
            url,
            description: not_null("description", fields.text("description")?)?.unwrap_or_default(),
            disabled: not_null("disabled", fields.truth("disabled")?)?.unwrap_or_default(),
            version: fields.number("version", MOST_VERSION)?.value().unwrap_or(1),
            uid: fields.text("uid")?.value(),
            rate: throttle_rate(fields)?.value(),
            types: types(fields)?.flatten(),
            channels: fields.texts("channels")?.value(),
            metadata: metadata(fields)?.unwrap_or_default(),
        };
        check_text(fields, "description", &given.description);
        check_uid(fields, "uid", given.uid.as_deref(), ids::ENDPOINT);
        check_list(fields, "channels", given.channels.as_deref(), MOST_CHANNELS);
        check_types(call, fields, given.types.as_deref())?;
        Ok(given)
    }

    /// Puts it in the place of what was said before; secrets and headers stay.
    fn put(self, endpoint: &mut Endpoint, now: Timestamp) -> Result<(), Failure> {
        endpoint.url = self.url;
        endpoint.description = self.description;
        endpoint.metadata = self.metadata;
        endpoint.rate_limit = rate_limit(self.rate);
        set_disabled(endpoint, self.disabled, now);
        set_types(endpoint, self.types);
        set_channels(endpoint, self.channels)?;
        set_uid(endpoint, self.uid);
        set_version(endpoint, self.version);
        Ok(())
    }
}

/// Event types under their name or its alias: none: absent, then null or a list.
fn types(fields: &mut Fields) -> Result<Option<Option<Vec<String>>>, Failure> {
    let given = fields.texts("eventTypes")?.change();
    let alias = fields.texts("filterTypes")?.change();
    Ok(given.or(alias))
}

/// Checks that there are such event types, and that they are not archived.
fn check_types(call: &Call, fields: &mut Fields, types: Option<&[String]>) -> Result<(), Failure> {
    check_list(fields, "event_types", types, MOST_TYPES);
    let environment = call.environment()?;
    let (directory, now) = (call.fanfare().directory(), call.now());
    let known = |name: &&String| {
        let known = directory.event_type(environment, name);
        known.is_none_or(|known| known.event_type.retired(now))
    };
    let unknown: Vec<&str> = types
        .into_iter()
        .flatten()
        .filter(known)
        .map(|name| &**name)
        .collect();
    if !unknown.is_empty() && fields.faults.is_empty() {
        let message = format!("there are no such event types: {}", unknown.join(", "));
        fields
            .faults
            .push(Entry::rule(&["body", "eventTypes"], message));
    }
    Ok(())
}

/// Checks a URL. Where it leads is judged when it is connected to.
fn check_url(call: &Call, text: &str) -> Result<(), Failure> {
    let refused = |message: &str| Err(Failure::decode(&["body", "url"], message));
    let https_only = call.desk.settings.https_only || call.fanfare().limits().https_only;
    let odd = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '\\';
    if text.len() > MOST_URL || text.contains(odd) {
        return refused("must be an absolute URL of at most 8192 bytes");
    }
    match Url::parse(text) {
        Ok(url) if !url.has_host() || url.host_str() == Some("") => refused("must name a host"),
        Ok(url) if url.scheme() == "https" => Ok(()),
        Ok(url) if url.scheme() == "http" && !https_only => Ok(()),
        Ok(_) if https_only => refused("must begin with https://"),
        Ok(_) => refused("must begin with https:// or http://"),
        Err(_) => refused("must be an absolute URL"),
    }
}

fn set_disabled(endpoint: &mut Endpoint, disabled: bool, now: Timestamp) {
    endpoint.disabled = match (disabled, endpoint.disabled.take()) {
        (false, _) => None,
        (true, Some(before)) => Some(before),
        (true, None) => Some(Disabled {
            reason: DisabledReason::Manual,
            since: now,
        }),
    };
}

fn set_types(endpoint: &mut Endpoint, types: Option<Vec<String>>) {
    let read = |name: &String| Subscription::parse(name).ok();
    endpoint.event_types = types.map(|types| types.iter().filter_map(read).collect());
}

fn set_channels(endpoint: &mut Endpoint, channels: Option<Vec<String>>) -> Result<(), Failure> {
    let mut attributes: BTreeMap<String, Vec<String>> = endpoint
        .attributes
        .iter()
        .filter(|(name, _)| *name != CHANNELS)
        .map(|(name, values)| (name.to_owned(), values.to_vec()))
        .collect();
    if let Some(channels) = channels {
        attributes.insert(CHANNELS.to_owned(), channels);
    }
    endpoint.attributes = Attributes::new(attributes)
        .map_err(|cause| Failure::rule(&["body", "channels"], cause.to_string()))?;
    Ok(())
}

/// The uid is the endpoint's external id; without one, that is the id itself, or the one of before, which no
/// uid can be.
fn set_uid(endpoint: &mut Endpoint, uid: Option<String>) {
    let own = || ids::shown(ids::ENDPOINT, endpoint.id.bits());
    let id = imported_from(endpoint).map_or_else(own, str::to_owned);
    if let Some(external) = &mut endpoint.external {
        external.data.insert(UID.to_owned(), json!(uid));
        external.id = uid.unwrap_or(id);
    }
}

/// The id that it had on the server that it was taken over from.
pub(super) fn imported_from(endpoint: &Endpoint) -> Option<&str> {
    data(endpoint, IMPORTED)?.as_str()
}

pub(super) fn set_imported_from(endpoint: &mut Endpoint, id: &str) {
    if let Some(external) = &mut endpoint.external {
        external.data.insert(IMPORTED.to_owned(), json!(id));
    }
    let uid = uid(endpoint).map(str::to_owned);
    set_uid(endpoint, uid);
}

fn set_version(endpoint: &mut Endpoint, version: u64) {
    if let Some(external) = &mut endpoint.external {
        external.data.insert(VERSION.to_owned(), json!(version));
    }
}

fn data<'a>(endpoint: &'a Endpoint, name: &str) -> Option<&'a Value> {
    endpoint.external.as_ref()?.data.get(name)
}

/// The id that the caller chose.
pub(super) fn uid(endpoint: &Endpoint) -> Option<&str> {
    data(endpoint, UID)?.as_str()
}

/// The external id by which it is changed.
fn external_id(endpoint: &Endpoint) -> String {
    let external = endpoint.external.as_ref();
    external
        .map(|external| external.id.clone())
        .unwrap_or_default()
}

/// Changes an endpoint as it is now.
async fn changed(
    call: &Call,
    endpoint: &Endpoint,
    change: impl FnMut(&mut Endpoint) -> Result<(), Failure> + Send,
) -> Result<Endpoint, Failure> {
    let fanfare = call.fanfare();
    fanfare
        .change_external(&endpoint.scope, super::NAME, &external_id(endpoint), change)
        .await
}

/// How an endpoint is shown.
pub(super) fn shown(endpoint: &Endpoint) -> Value {
    let mut value = without_metadata(endpoint);
    value["metadata"] = json!(endpoint.metadata);
    value
}

pub(super) fn without_metadata(endpoint: &Endpoint) -> Value {
    let rate = shown_rate(endpoint.rate_limit.as_ref());
    let types: Option<Vec<String>> = endpoint
        .event_types
        .as_ref()
        .map(|list| list.iter().map(Subscription::to_string).collect());
    json!({
        "id": ids::shown(ids::ENDPOINT, endpoint.id.bits()),
        "uid": uid(endpoint),
        "url": endpoint.url,
        "description": endpoint.description,
        "disabled": !endpoint.enabled(),
        "version": data(endpoint, VERSION).and_then(Value::as_u64).unwrap_or(1),
        "throttleRate": rate,
        "rateLimit": rate,
        "eventTypes": types,
        "filterTypes": types,
        "channels": endpoint.attributes.get(CHANNELS),
        "createdAt": endpoint.created_at.to_string(),
        "updatedAt": endpoint.updated_at.to_string(),
    })
}

/// What is known of an endpoint that was deleted: its id, and from its last attempt where it was.
pub(super) fn deleted(id: EndpointId, attempt: Option<&Attempt>) -> Value {
    let at = id.made_at().to_string();
    json!({
        "id": ids::shown(ids::ENDPOINT, id.bits()),
        "uid": null,
        "url": attempt.map_or("", |attempt| attempt.url.as_str()),
        "description": "",
        "disabled": true,
        "version": 1,
        "throttleRate": null,
        "rateLimit": null,
        "eventTypes": null,
        "filterTypes": null,
        "channels": null,
        "createdAt": at,
        "updatedAt": at,
    })
}

/// All endpoints of this contract that an application has, in the order of their ids.
async fn all(call: &Call, scope: &Scope) -> Result<Vec<Endpoint>, Failure> {
    let mut endpoints = call.fanfare().externals(scope, super::NAME).await?;
    endpoints.sort_unstable_by_key(|endpoint| endpoint.id);
    Ok(endpoints)
}
