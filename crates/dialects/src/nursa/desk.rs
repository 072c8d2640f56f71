//! What the operations are given.

use std::sync::Arc;

use fanfare_domain::name::Scope;
use http::{HeaderMap, header};

use super::failure::Failure;
use super::group::Group;
use crate::door::Door;

/// What all operations are given.
pub(super) struct Desk {
    pub(super) door: Door,
}

/// What the operations of a group are given.
#[derive(Clone)]
pub(super) struct Room {
    pub(super) desk: Arc<Desk>,
    pub(super) group: Arc<Group>,
}

/// All operations count together.
const EVERY_OPERATION: &str = "nursa";

impl Desk {
    /// Lets a caller in by `Authorization: Bearer`.
    pub(super) fn enter(&self, headers: &HeaderMap) -> Result<Scope, Failure> {
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let key = given.and_then(|text| {
            let (scheme, key) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
        });
        Ok(self.door.enter(key, headers, EVERY_OPERATION)?)
    }
}
