//! Keys: who may call the API, and for what.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::id::KeyId;
use crate::name::{EnvironmentId, TenantId};
use crate::rate::RateLimit;
use crate::time::Timestamp;

/// A key as it is stored: never the key itself, only its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Names it.
    pub id: KeyId,
    /// The environment that it acts in.
    pub environment: EnvironmentId,
    /// The only tenant that it acts for; none: all of the environment.
    pub tenant: Option<TenantId>,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether it is the administrator's, which makes environments and may act in each of them.
    #[serde(default)]
    pub root: bool,
    /// The SHA-256 of the key.
    pub digest: KeyDigest,
    /// How many events it may publish; none: as the operator set it for all keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish_rate: Option<RateLimit>,
    /// What of a dialect's flagged event types it may see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feature_flags: Vec<String>,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Admin,
    /// Endpoints, secrets, events and look-ups.
    Manager,
    /// Publishes.
    Publisher,
    /// Looks up, no secrets.
    Reader,
}

/// What an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Keys, tenants, event types.
    Administer,
    /// Endpoints and their secrets, replays.
    Manage,
    /// Publishing.
    Publish,
    /// Looking up.
    Read,
}

impl Role {
    /// Whether it includes `right`.
    #[must_use]
    pub const fn may(self, right: Right) -> bool {
        match self {
            Self::Admin => true,
            Self::Manager => matches!(right, Right::Manage | Right::Publish | Right::Read),
            Self::Publisher => matches!(right, Right::Publish),
            Self::Reader => matches!(right, Right::Read),
        }
    }

    /// Its name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Manager => "manager",
            Self::Publisher => "publisher",
            Self::Reader => "reader",
        }
    }
}

/// The SHA-256 of a key: what is stored and looked up by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// The digest of a key's text.
    ///
    /// Looking up by it needs no comparison in constant time: who does not know the key can't
    /// steer its digest.
    #[must_use]
    pub fn of(key: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, key.as_bytes()).as_ref());
        Self(bytes)
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(hidden)")
    }
}

impl From<KeyDigest> for String {
    fn from(digest: KeyDigest) -> Self {
        URL_SAFE_NO_PAD.encode(digest.0)
    }
}

impl TryFrom<String> for KeyDigest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| "a key's digest is not base64")?;
        bytes
            .try_into()
            .map(Self)
            .map_err(|_| "a key's digest has not 32 bytes")
    }
}

/// Makes a key's text from 256 bits of chance; it has no full stop in it.
#[must_use]
pub fn generate_key(chance: &[u8; 32]) -> String {
    format!("fanfare_{}", URL_SAFE_NO_PAD.encode(chance))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_include_what_the_table_of_the_api_says() {
        let rights = [
            Right::Administer,
            Right::Manage,
            Right::Publish,
            Right::Read,
        ];
        let row = |role: Role| rights.map(|right| role.may(right));
        assert_eq!(row(Role::Admin), [true; 4]);
        assert_eq!(row(Role::Manager), [false, true, true, true]);
        assert_eq!(row(Role::Publisher), [false, false, true, false]);
        assert_eq!(row(Role::Reader), [false, false, false, true]);
    }

    #[test]
    fn a_digest_survives_its_text_form() {
        let digest = KeyDigest::of("fanfare_abc");
        assert_eq!(KeyDigest::try_from(String::from(digest)).unwrap(), digest);
        assert!(KeyDigest::try_from("abc".to_owned()).is_err());
    }
}
