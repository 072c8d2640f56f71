//! Keys: who may call the API, and for what.

use fanfare_app::keys::{FreshKey, KeyDraft};
use fanfare_domain::key::{Key, Role};
use fanfare_domain::rate::{Per, RateLimit};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::body::input;
use crate::time::Time;

pub(crate) mod change;
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
    /// How many events it may publish; null or absent: as the operator set it for all keys.
    publish_rate: Option<PublishRateForm>,
    /// From when on it is refused; null or absent: never.
    expires_at: Option<Time>,
}

/// What changes about a key.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = KeyChange)]
pub(crate) struct KeyChange {
    /// How many events it may publish; null: as the operator set it for all keys.
    publish_rate: Option<PublishRateForm>,
}

input!(KeyInput, KeyChange);

/// How many events a key may publish, kept smoothly.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PublishRate)]
pub(crate) struct PublishRateForm {
    /// So many events, at most 10000 in a second.
    #[schema(minimum = 1, maximum = 600_000, example = 100)]
    events: u32,
    /// In this time.
    per: PerForm,
    /// So many of them at once after a rest, at most 10000; unless told, what the rate makes of a second.
    #[schema(minimum = 1, maximum = 10_000, example = 200)]
    burst: Option<u32>,
}

/// The time that a rate counts in.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PublishRatePer)]
pub(crate) enum PerForm {
    /// Events in a second.
    Second,
    /// Events in a minute.
    Minute,
}

impl From<PublishRateForm> for RateLimit {
    fn from(form: PublishRateForm) -> Self {
        let (per, second) = match form.per {
            PerForm::Second => (Per::Second, form.events),
            PerForm::Minute => (Per::Minute, form.events / 60),
        };
        let usual = second.clamp(1, Self::MAX_BURST);
        Self {
            requests: form.events,
            per,
            burst: form.burst.unwrap_or(usual),
        }
    }
}

impl From<RateLimit> for PublishRateForm {
    fn from(rate: RateLimit) -> Self {
        Self {
            events: rate.requests,
            per: match rate.per {
                Per::Second => PerForm::Second,
                Per::Minute => PerForm::Minute,
            },
            burst: Some(rate.burst),
        }
    }
}

impl From<KeyInput> for KeyDraft {
    fn from(given: KeyInput) -> Self {
        Self {
            name: given.name,
            role: given.role.map(Role::from),
            tenant: given.tenant,
            publish_rate: given.publish_rate.map(Into::into),
            expires_at: given.expires_at.map(|time| time.0),
            feature_flags: Vec::new(),
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
    /// How many events it may publish; null: as the operator set it for all keys.
    #[schema(required)]
    publish_rate: Option<PublishRateForm>,
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
            publish_rate: key.publish_rate.map(Into::into),
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
