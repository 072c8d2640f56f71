//! What the operations are given.

use std::sync::Arc;

use axum::body::Body;
use fanfare_domain::name::Scope;
use http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::events::Events;
use super::failure::Failure;
use crate::door::Door;

/// What the operations are given.
pub(super) struct Desk {
    pub(super) door: Door,
    pub(super) events: Arc<Events>,
    pub(super) https_only: bool,
}

impl Desk {
    /// Lets a caller in. Calls are counted for each operation apart.
    pub(super) fn enter(
        &self,
        headers: &HeaderMap,
        operation: &'static str,
    ) -> Result<Scope, Failure> {
        Ok(self.door.enter(key(headers), headers, operation)?)
    }

    /// Reads a body that must be a JSON object.
    pub(super) async fn object(&self, body: Body) -> Result<Map<String, Value>, Failure> {
        let bytes = self.door.read(body).await?;
        if bytes.is_empty() {
            return Err(Failure::json("Request body is required"));
        }
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err(Failure::json("Request body must be a JSON object")),
            Err(_) => Err(Failure::json("Request body is not valid JSON")),
        }
    }
}

/// What stands behind `Basic`: the key as it is, never decoded.
fn key(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("basic").then(|| key.trim())
}
