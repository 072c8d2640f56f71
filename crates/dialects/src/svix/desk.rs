//! What the operations are given.

use std::sync::Arc;

use super::jwt::TokenKey;
use super::settings::Settings;
use crate::door::Door;

/// What all operations are given.
pub(super) struct Desk {
    pub(super) door: Door,
    /// What JWTs are signed with; none: there are only our own keys.
    pub(super) tokens: Option<Arc<TokenKey>>,
    pub(super) settings: Arc<Settings>,
}
