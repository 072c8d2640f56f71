//! Bodies: read within bounds, and understood with all their faults at once.
//!
//! A body is checked against the JSON Schema of its type, the one in the OpenAPI document. Members
//! that are wrong are left out and the rest is handed on as a draft with the faults found, so that the
//! use case adds what only it can know, and the caller learns everything in one answer.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use fanfare_domain::fault::Fault;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::problem::{Kind, Problem};
use crate::state::Api;

mod form;
pub(crate) mod json;
mod sentence;
pub(crate) mod values;

pub(crate) use crate::merge::Patch;
pub(crate) use form::{Form, input};

/// A type that bodies are read as: a draft, all of whose members may be absent.
pub(crate) trait Input: DeserializeOwned + Default {
    /// The schema that bodies of this type are checked against.
    fn form() -> &'static Form;

    /// What is wrong beside what the form found, inside of members that are left out because of that.
    fn beside(_body: &Value) -> Vec<Fault> {
        Vec::new()
    }
}

/// A body as far as it was understood.
#[derive(Debug)]
pub(crate) struct Given<T> {
    /// What was right.
    pub(crate) draft: T,
    /// What was wrong.
    pub(crate) faults: Vec<Fault>,
}

/// A request whose body was not read yet.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) parts: Parts,
    body: Body,
}

impl FromRequest<Api> for Incoming {
    type Rejection = Problem;

    async fn from_request(request: Request, _api: &Api) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        Ok(Self { parts, body })
    }
}

impl Incoming {
    /// The body's bytes, at most `most`; refused where it is said to be something else than JSON.
    pub(crate) async fn bytes(self, api: &Api, most: usize) -> Result<Bytes, Problem> {
        check_type(&self.parts.headers)?;
        collect(self, api, most).await
    }

    /// The body of a management call.
    pub(crate) async fn read<T: Input>(self, api: &Api) -> Result<Given<T>, Problem> {
        let bytes = self.bytes(api, api.options.management_bytes).await?;
        understand(json::parse(&bytes)?)
    }

    /// The body of a management call that may have none.
    pub(crate) async fn read_if_any<T: Input>(self, api: &Api) -> Result<Given<T>, Problem> {
        let headers = self.parts.headers.clone();
        let bytes = collect(self, api, api.options.management_bytes).await?;
        if bytes.is_empty() {
            return Ok(Given {
                draft: T::default(),
                faults: Vec::new(),
            });
        }
        check_type(&headers)?;
        understand(json::parse(&bytes)?)
    }

    /// The body of a merge patch.
    pub(crate) async fn read_patch(self, api: &Api) -> Result<Patch, Problem> {
        let bytes = self.bytes(api, api.options.management_bytes).await?;
        let patch = json::parse(&bytes)?;
        if patch.is_object() {
            Ok(Patch(patch))
        } else {
            Err(not_an_object())
        }
    }
}

fn not_an_object() -> Problem {
    Problem::body(vec![Fault {
        pointer: "#".to_owned(),
        detail: "must be an object".to_owned(),
    }])
}

/// Splits a body into what is right and what is wrong.
pub(crate) fn understand<T: Input>(mut value: Value) -> Result<Given<T>, Problem> {
    let mut faults = T::form().check(&value);
    if !faults.is_empty() {
        for fault in T::beside(&value) {
            if !faults.iter().any(|known| known.pointer == fault.pointer) {
                faults.push(fault);
            }
        }
    }
    let Some(members) = value.as_object_mut() else {
        return Err(not_an_object());
    };
    for fault in &faults {
        let member = fault.pointer.trim_start_matches("#/").split('/').next();
        let member = member
            .unwrap_or_default()
            .replace("~1", "/")
            .replace("~0", "~");
        members.remove(&member);
    }
    let draft = serde_json::from_value(value).unwrap_or_else(|cause| {
        faults.push(Fault {
            pointer: "#".to_owned(),
            detail: format!("can't be read: {cause}"),
        });
        T::default()
    });
    Ok(Given { draft, faults })
}

fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let plain = |encoding: &HeaderValue| encoding.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers.get_all(CONTENT_ENCODING).iter().all(plain) {
        return Err(Problem::new(
            Kind::UnsupportedMediaType,
            "send the body as it is, without the header Content-Encoding",
        ));
    }
    let Some(given) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    let kind = given.to_str().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let other = || {
        let kind = kind.to_ascii_lowercase();
        kind.starts_with("application/") && kind.ends_with("+json")
    };
    if kind.eq_ignore_ascii_case("application/json") || other() {
        Ok(())
    } else {
        Err(Problem::new(
            Kind::UnsupportedMediaType,
            "send JSON with the header \"Content-Type: application/json\"",
        ))
    }
}

async fn collect(incoming: Incoming, api: &Api, most: usize) -> Result<Bytes, Problem> {
    let too_large = || {
        Problem::new(
            Kind::BodyTooLarge,
            format!("the body must be at most {most} bytes long"),
        )
    };
    let announced = incoming.parts.headers.get(CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64) {
        return Err(too_large());
    }
    let reading = Limited::new(incoming.body, most).collect();
    match tokio::time::timeout(api.options.body_time, reading).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(cause)) if is_too_large(cause.as_ref()) => Err(too_large()),
        Ok(Err(_)) => Err(Problem::new(
            Kind::MalformedBody,
            "the body ended before it was whole",
        )),
        Err(_) => Err(Problem::new(
            Kind::Timeout,
            format!(
                "the body must be sent within {} seconds",
                api.options.body_time.as_secs()
            ),
        )),
    }
}

fn is_too_large(cause: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(cause);
    while let Some(error) = next {
        if error.is::<LengthLimitError>() {
            return true;
        }
        next = error.source();
    }
    false
}
