//! Names that callers choose: of environments, tenants and event types.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, de};

/// Why a text can't be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {max} characters of A-Z, a-z, 0-9, '.', '_' and '-'")]
pub struct InvalidName {
    /// The most characters that this kind of name has.
    pub max: usize,
}

fn well_formed(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The most characters that it has.
            pub const MAX: usize = $max;

            /// Checks and takes a text.
            ///
            /// # Errors
            /// When it is empty, too long, or has other characters than `[A-Za-z0-9._-]`.
            pub fn parse(text: &str) -> Result<Self, InvalidName> {
                if well_formed(text, $max) { Ok(Self(text.into())) } else { Err(InvalidName { max: $max }) }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::parse(&text).map_err(de::Error::custom)
            }
        }
    };
}

name!(
    /// Names an environment; `default` is always there.
    EnvironmentId,
    64
);
name!(
    /// Names a tenant within its environment.
    TenantId,
    128
);
name!(
    /// Names an event type within its environment, `invoice.paid`.
    EventTypeName,
    256
);

impl EnvironmentId {
    /// The environment that is there from the first start.
    #[must_use]
    pub fn default_environment() -> Self {
        Self("default".into())
    }
}

/// A tenant of an environment: the owner of endpoints and events.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scope {
    /// The environment.
    pub environment: EnvironmentId,
    /// The tenant in it.
    pub tenant: TenantId,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.environment, self.tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_bounded() {
        assert!(EventTypeName::parse("invoice.paid").is_ok());
        assert!(EventTypeName::parse(&"x".repeat(256)).is_ok());
        for text in ["", "invoice paid", "a/b", "é", "invoice.*"] {
            assert!(EventTypeName::parse(text).is_err(), "{text}");
        }
        assert!(EventTypeName::parse(&"x".repeat(257)).is_err());
    }
}
