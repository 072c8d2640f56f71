//! What the operations are given.

use axum::body::Body;
use fanfare_domain::name::Scope;
use http::HeaderMap;
use serde_json::{Map, Value};

use super::failure::Failure;
use crate::body::BodyRefused;
use crate::door::Door;

/// What the operations are given.
pub(super) struct Desk {
    pub(super) door: Door,
    pub(super) options_check: bool,
    /// The names that the list of events shows.
    pub(super) events: Vec<String>,
}

/// All operations count together.
const EVERY_OPERATION: &str = "konpro";

impl Desk {
    /// Lets a caller in by `x-api-key`.
    pub(super) fn enter(&self, headers: &HeaderMap) -> Result<Scope, Failure> {
        let key = headers
            .get("x-api-key")
            .and_then(|value| value.to_str().ok());
        Ok(self.door.enter(key, headers, EVERY_OPERATION)?)
    }

    /// Reads a body that must be a JSON object.
    pub(super) async fn object(&self, body: Body) -> Result<Map<String, Value>, Failure> {
        let bytes = match self.door.read(body).await {
            Ok(bytes) => bytes,
            Err(BodyRefused::TooLarge | BodyRefused::Broken) => return Err(Failure::Body),
        };
        serde_json::from_slice(&bytes).map_err(|_| Failure::Body)
    }
}
