//! `POST /app/{app}/msg`: the call that is made most.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use fanfare_app::publish::{EventDraft, IdempotencyKey, Terms};
use fanfare_app::{Conflict, UseCaseError};
use fanfare_domain::time::Timestamp;
use http::HeaderValue;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::svix::call::{Answer, Call};
use crate::svix::failure::{ALL, Failure};
use crate::svix::fields::{Fields, required};
use crate::svix::message::payload::{CONTENT_TYPE, RAW};
use crate::svix::message::{CHANNELS, TAGS, shown};
use crate::svix::rules::{check_list, check_plain, check_uid, is_plain};
use crate::svix::{BODY_BYTES, application, idempotency, ids};

/// Its path in the table of operations.
pub(in crate::svix) const PATH: &str = "/app/{}/msg";

/// What this contract allows of an event.
pub(in crate::svix) const TERMS: Terms = Terms {
    any_type: true,
    own_uid: true,
    bytes: Some(BODY_BYTES),
    only: None,
};

const MOST_CHANNELS: usize = 5;
const MOST_TAGS: usize = 8;
const DAY: u64 = 24 * 3_600;
/// Days that a payload may be kept.
const DAYS: std::ops::RangeInclusive<u64> = 5..=90;
/// How far ahead a message may be sent.
const AHEAD: std::ops::RangeInclusive<u64> = 60..=DAY;
/// How long a repetition is known.
const KNOWN: Duration = Duration::from_secs(12 * 3_600);

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let with_content = call.query.truth("with_content")?.unwrap_or(true);
    let named = call.parameter(0);
    if !is_plain(named) {
        let message = "must be the id or the uid of an application";
        return Err(Failure::rule(&["path", "app_id_or_uid", ALL], message));
    }
    let (payload, mut fields) = read(&call.body)?;
    let draft = drafted(payload, &mut fields, call.now())?;
    let embedded = application::embedded(&mut fields, named)?;
    fields.finish()?;
    let scope = application::found_or_made(call, embedded).await?;
    let key = idempotency::digest_of(call).map(|digest| IdempotencyKey {
        digest,
        // The body is not compared.
        content: [0; 16],
        lasts: Some(KNOWN),
    });
    let published = call.fanfare().publish(scope, draft, key).await;
    match published {
        Ok(accepted) => Ok(Answer::accepted(&shown(&accepted.event, with_content))),
        Err(UseCaseError::Conflict(Conflict::EventId(_))) => {
            Err(Failure::conflict("the eventId is used"))
        }
        Err(refused) => Err(refused.into()),
    }
}

/// The payload's bytes, which must be those of an object, and the other members.
fn read(body: &[u8]) -> Result<(Bytes, Fields), Failure> {
    let unreadable = |message: String| Failure::decode(&["body", "", ""], message);
    // A list could be read as the members in their order, which nobody means.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(unreadable("the body must be a JSON object".to_owned()));
    }
    let (payload, rest) = split(body).map_err(|cause| unreadable(cause.to_string()))?;
    let Some(payload) = payload else {
        return Err(unreadable("payload is required".to_owned()));
    };
    if !payload.get().starts_with('{') {
        return Err(Failure::decode(&["body", "payload"], "must be an object"));
    }
    // Its own bytes: a waiting message must not hold on to the request's buffer.
    let payload = Bytes::copy_from_slice(payload.get().as_bytes());
    Ok((payload, Fields::of(rest)))
}

fn split(body: &[u8]) -> Result<(Option<&RawValue>, Map<String, Value>), serde_json::Error> {
    let parts: BTreeMap<&str, &RawValue> = serde_json::from_slice(body)?;
    let mut payload = None;
    let mut rest = Map::new();
    for (name, value) in parts {
        match name {
            "payload" => payload = Some(value),
            "data" => payload = payload.or(Some(value)),
            name => {
                rest.insert(name.to_owned(), serde_json::from_str(value.get())?);
            }
        }
    }
    Ok((payload, rest))
}

fn drafted(payload: Bytes, fields: &mut Fields, now: Timestamp) -> Result<EventDraft, Failure> {
    let event_type = fields.text("eventType")?;
    let event_type = required("eventType", event_type)?;
    check_plain(fields, "event_type", &event_type);
    let uid = fields.text("eventId")?.value();
    check_uid(fields, "uid", uid.as_deref(), ids::MESSAGE);
    let channels = fields.texts("channels")?.value();
    check_list(fields, "channels", channels.as_deref(), MOST_CHANNELS);
    let tags = fields.texts("tags")?.value().unwrap_or_default();
    if tags.len() > MOST_TAGS || !tags.iter().all(|tag| is_plain(tag)) {
        fields.fault(&["tags"], format!("must be at most {MOST_TAGS} names"));
    }
    let data_until = retention(fields, now)?;
    let deliver_at = fields.time("deliverAt")?.value();
    if let Some(at) = deliver_at
        && !AHEAD.contains(&at.since(now).as_secs())
    {
        fields.fault(&["deliver_at"], "must lie 1 minute to 24 hours ahead");
    }
    let mut attributes = BTreeMap::new();
    for (name, values) in [(CHANNELS, channels.unwrap_or_default()), (TAGS, tags)] {
        if !values.is_empty() {
            attributes.insert(name.to_owned(), values);
        }
    }
    let data = transformed(fields, payload, &mut attributes)?;
    Ok(EventDraft {
        uid,
        event_type: Some(event_type),
        attributes,
        data: Some(data),
        deliver_at,
        data_until,
        terms: TERMS,
        ..EventDraft::default()
    })
}

/// Until when the payload is kept; none: as the operator set it.
fn retention(fields: &mut Fields, now: Timestamp) -> Result<Option<Timestamp>, Failure> {
    let days = fields.number("payloadRetentionPeriod", u64::from(u32::MAX))?;
    let hours = fields.number("payloadRetentionHours", u64::from(u32::MAX))?;
    let (days, hours) = (days.value(), hours.value());
    if days.is_some_and(|days| !DAYS.contains(&days)) {
        fields.fault(&["payload_retention_period"], "must be 5 to 90 days");
    }
    if hours.is_some_and(|hours| !(1..=24 * DAYS.end()).contains(&hours)) {
        fields.fault(&["payload_retention_hours"], "must be 1 to 2160 hours");
    }
    let hours = hours.or(days.map(|days| 24 * days));
    Ok(hours.map(|hours| now.after(Duration::from_secs(3_600 * hours))))
}

/// The bytes that are delivered, by what `transformationsParams` says.
fn transformed(
    fields: &mut Fields,
    payload: Bytes,
    attributes: &mut BTreeMap<String, Vec<String>>,
) -> Result<Bytes, Failure> {
    let Some(parameters) = fields.object("transformationsParams")?.value() else {
        return Ok(payload);
    };
    let refused = |message: &str| Failure::decode(&["body", "transformationsParams"], message);
    let headers = parameters.get("headers").and_then(Value::as_object);
    let kind = headers.into_iter().flatten();
    let kind = kind.filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    for (_, kind) in kind {
        let text = kind
            .as_str()
            .filter(|text| (1..=256).contains(&text.len()) && HeaderValue::from_str(text).is_ok());
        let text = text.ok_or_else(|| refused("has a content-type that is none"))?;
        attributes.insert(CONTENT_TYPE.to_owned(), vec![text.to_owned()]);
    }
    let raw = match parameters.get("rawPayload") {
        None | Some(Value::Null) => return Ok(payload),
        Some(Value::String(raw)) => raw,
        Some(_) => return Err(refused("has a rawPayload that is no string")),
    };
    if serde_json::from_str::<&RawValue>(raw).is_ok() {
        return Ok(Bytes::from(raw.clone()));
    }
    attributes.insert(RAW.to_owned(), vec!["true".to_owned()]);
    Ok(Bytes::from(Value::from(raw.as_str()).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_keeps_its_bytes() {
        let body = br#" {"eventType":"a","payload": {"n": 1.000, "x" :"\u0041", "n":2}  } "#;
        let (payload, _) = read(body).unwrap();
        assert_eq!(&payload[..], br#"{"n": 1.000, "x" :"\u0041", "n":2}"#);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in [
            &b""[..],
            b"[]",
            b"{}",
            b"{\"payload\":null}",
            b"{\"payload\":[]}",
            b"{\"payload\":\"x\"}",
            b"{\"payload\":{}",
        ] {
            assert!(read(body).is_err(), "{}", String::from_utf8_lossy(body));
        }
    }
}
