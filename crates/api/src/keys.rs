//! Keys: who may call the API, and for what.

use fanfare_app::keys::{FreshKey, KeyDraft};
use fanfare_domain::key::{Key, Role};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::body::input;
use crate::time::Time;

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod read;

/// What a key may do: `admin` everything in its environment; `manager` endpoints, secrets, publishing and
/// look-ups; `publisher` publishing; `reader` look-ups without secrets.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Role)]
pub(crate) enum RoleForm {
    /// Everything.
    Admin,
    /// Endpoints, secrets, events and look-ups.
    Manager,
    /// Publishes.
    Publisher,
    /// Looks up, no secrets.
    Reader,
}

impl From<Role> for RoleForm {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::Manager => Self::Manager,
            Role::Publisher => Self::Publisher,
            Role::Reader => Self::Reader,
        }
    }
}

impl From<RoleForm> for Role {
    fn from(role: RoleForm) -> Self {
        match role {
            RoleForm::Admin => Self::Admin,
            RoleForm::Manager => Self::Manager,
            RoleForm::Publisher => Self::Publisher,
            RoleForm::Reader => Self::Reader,
        }
    }
}

/// What a key is made from.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = KeyInput)]
pub(crate) struct KeyInput {
    /// What people call it, at most 1024 bytes.
    #[schema(
        required,
        nullable = false,
        min_length = 1,
        max_length = 1024,
        example = "billing service"
    )]
    name: Option<String>,
    /// What it may do.
    #[schema(required, nullable = false)]
    role: Option<RoleForm>,
    /// The only tenant that it acts for; null or absent: all of the environment.
    #[schema(example = "acme")]
    tenant: Option<String>,
    /// From when on it is refused; null or absent: never.
    expires_at: Option<Time>,
}

input!(KeyInput);

impl From<KeyInput> for KeyDraft {
    fn from(given: KeyInput) -> Self {
        Self {
            name: given.name,
            role: given.role.map(Role::from),
            tenant: given.tenant,
            expires_at: given.expires_at.map(|time| time.0),
        }
    }
}

/// A key, without its text, which nobody can read again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Key)]
pub(crate) struct KeyView {
    /// Its id; not the key itself.
    #[schema(example = "key_01m5d3xq9sabcdefghjkmnpqrs")]
    id: String,
    /// What people call it.
    #[schema(example = "billing service")]
    name: String,
    /// What it may do.
    role: RoleForm,
    /// Whether it is the administrator's, which acts in every environment.
    administrator: bool,
    /// The only tenant that it acts for; null: all of the environment.
    #[schema(required)]
    tenant: Option<String>,
    /// From when on it is refused; null: never.
    #[schema(required)]
    expires_at: Option<Time>,
    /// When it was made.
    created_at: Time,
}

/// A key just made, with its text, which is shown this once.
// No `Debug`: the text stays out of every log.
#[derive(Serialize, ToSchema)]
#[schema(as = FreshKey)]
pub(crate) struct FreshKeyView {
    /// The key, to be sent as `Authorization: Bearer KEY`.
    #[schema(example = "fanfare_6Q1lO7mZ0v4WlTxv3hW6hE3o6rW2X1qY8b9c0dEfGhI")]
    key: String,
    /// What can be read again.
    #[serde(flatten)]
    view: KeyView,
}

impl From<Key> for KeyView {
    fn from(key: Key) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name,
            role: key.role.into(),
            administrator: key.root,
            tenant: key.tenant.map(|tenant| tenant.to_string()),
            expires_at: key.expires_at.map(Time),
            created_at: key.created_at.into(),
        }
    }
}

impl From<FreshKey> for FreshKeyView {
    fn from(fresh: FreshKey) -> Self {
        Self {
            key: fresh.text,
            view: fresh.key.into(),
        }
    }
}
