//! Environments: worlds of their own.

use fanfare_app::environments::EnvironmentDraft;
use fanfare_domain::environment::Environment;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::body::input;
use crate::time::Time;

pub(crate) mod create;
pub(crate) mod read;

/// What an environment is made from.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EnvironmentInput)]
pub(crate) struct EnvironmentInput {
    /// Its id, 1 to 64 characters of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`.
    #[schema(
        required,
        nullable = false,
        pattern = "^[A-Za-z0-9._-]{1,64}$",
        example = "staging"
    )]
    id: Option<String>,
    /// What people call it, at most 1024 bytes; its id unless told.
    #[schema(max_length = 1024, example = "Staging")]
    name: Option<String>,
}

input!(EnvironmentInput);

impl From<EnvironmentInput> for EnvironmentDraft {
    fn from(given: EnvironmentInput) -> Self {
        Self {
            id: given.id,
            name: given.name,
        }
    }
}

/// A world of its own: holds tenants, event types and keys.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Environment)]
pub(crate) struct EnvironmentView {
    /// Its id.
    #[schema(example = "staging")]
    id: String,
    /// What people call it.
    #[schema(example = "Staging")]
    name: String,
    /// When it was made.
    created_at: Time,
}

impl From<Environment> for EnvironmentView {
    fn from(environment: Environment) -> Self {
        Self {
            id: environment.id.to_string(),
            name: environment.name,
            created_at: environment.created_at.into(),
        }
    }
}
