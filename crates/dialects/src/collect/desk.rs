//! What the operations are given.

use std::sync::Arc;

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::name::Scope;
use http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::date::DateForm;
use super::events::Events;
use super::failure::Failure;
use super::webhook::Shown;
use crate::door::Door;

/// What the operations are given.
pub(super) struct Desk {
    pub(super) door: Door,
    pub(super) events: Arc<Events>,
    pub(super) dates: DateForm,
    pub(super) https_only: bool,
}

/// All operations count together.
const EVERY_OPERATION: &str = "collect";

impl Desk {
    /// Lets a caller in.
    pub(super) fn enter(&self, headers: &HeaderMap) -> Result<Scope, Failure> {
        let key = key(headers);
        Ok(self.door.enter(key.as_deref(), headers, EVERY_OPERATION)?)
    }

    /// Reads a body that must be a JSON object; none where there are no bytes.
    pub(super) async fn object(&self, body: Body) -> Result<Option<Map<String, Value>>, Failure> {
        let bytes = self.door.read(body).await?;
        if bytes.is_empty() {
            return Ok(None);
        }
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(object)) => Ok(Some(object)),
            Ok(_) => Err(Failure::invalid("The body must be a JSON object")),
            Err(_) => Err(Failure::invalid("The body is not valid JSON")),
        }
    }

    pub(super) fn shown(&self, endpoint: &Endpoint) -> Shown {
        Shown::of(endpoint, &self.events, self.dates)
    }
}

/// The password of HTTP Basic with an empty user name.
fn key(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    text.strip_prefix(':').map(str::to_owned)
}

#[test]
fn the_key_is_the_password_of_nobody() {
    let given = |value: &str| {
        let value = http::HeaderValue::from_str(value).unwrap();
        key(&HeaderMap::from_iter([(header::AUTHORIZATION, value)]))
    };
    assert_eq!(given("Basic OmRlbW8ta2V5").as_deref(), Some("demo-key"));
    assert_eq!(given("basic OmRlbW8ta2V5").as_deref(), Some("demo-key"));
    // A user's name, the key as it is, another scheme.
    assert_eq!(
        given(&format!("Basic {}", STANDARD.encode("u:demo-key"))),
        None
    );
    assert_eq!(given("Basic demo-key"), None);
    assert_eq!(given("Bearer OmRlbW8ta2V5"), None);
}
