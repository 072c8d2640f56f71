//! Secrets that deliveries are signed with.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// A secret of an endpoint: the text as it was given, with an optional end.
///
/// Its `Debug` form hides the text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// The text as it was given or made.
    pub text: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// From when on it does not sign any more.
    pub expires_at: Option<Timestamp>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret")
            .field("text", &"(hidden)")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl Secret {
    /// Whether it signs at `now`.
    #[must_use]
    pub fn signs_at(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|at| now < at)
    }
}

/// The two kinds of secret that Standard Webhooks has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecretKind {
    /// HMAC-SHA256 with a shared secret, `whsec_…`.
    #[default]
    #[serde(rename = "v1")]
    Hmac,
    /// Ed25519 with a key pair, `whsk_…`; receivers need the public half only.
    #[serde(rename = "v1a")]
    Ed25519,
}

/// Why a text can't be a secret of the standard's format. Never quotes the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    /// No known prefix.
    #[error("must begin with \"whsec_\" (HMAC) or \"whsk_\" (Ed25519)")]
    Prefix,
    /// What follows the prefix is not base64.
    #[error("must be standard base64 after its prefix")]
    Base64,
    /// Too short or too long for HMAC.
    #[error("must be 24 to 75 bytes, in base64, after \"whsec_\"")]
    HmacLength,
    /// Not an Ed25519 key.
    #[error(
        "must be a 32-byte Ed25519 seed, or that seed and its public key in 64 bytes, in base64, after \"whsk_\""
    )]
    Ed25519Key,
}

/// The secret half of what signs, read from a secret's text.
pub enum Signing {
    /// An HMAC-SHA256 key.
    Hmac(ring::hmac::Key),
    /// An Ed25519 key pair.
    Ed25519(Box<Ed25519KeyPair>),
}

impl fmt::Debug for Signing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hmac(_) => "Hmac(hidden)",
            Self::Ed25519(_) => "Ed25519(hidden)",
        })
    }
}

/// Bytes of chance that making a secret takes.
pub const SECRET_BYTES: usize = 32;

impl SecretKind {
    /// Makes the text of a secret from 32 bytes of chance.
    #[must_use]
    pub fn generate(self, chance: &[u8; SECRET_BYTES]) -> String {
        match self {
            Self::Hmac => format!("whsec_{}", STANDARD.encode(chance)),
            Self::Ed25519 => {
                let mut pair = chance.to_vec();
                if let Ok(key) = Ed25519KeyPair::from_seed_unchecked(chance) {
                    pair.extend_from_slice(key.public_key().as_ref());
                }
                format!("whsk_{}", STANDARD.encode(pair))
            }
        }
    }

    /// What signs with a secret of the standard's format, and its kind.
    ///
    /// # Errors
    /// When the text has not the standard's format.
    pub fn read(text: &str) -> Result<(Self, Signing), InvalidSecret> {
        if let Some(encoded) = text.strip_prefix("whsec_") {
            let bytes = STANDARD
                .decode(encoded)
                .map_err(|_| InvalidSecret::Base64)?;
            // The standard recommends up to 64; some providers give more.
            if !(24..=75).contains(&bytes.len()) {
                return Err(InvalidSecret::HmacLength);
            }
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &bytes);
            return Ok((Self::Hmac, Signing::Hmac(key)));
        }
        if let Some(encoded) = text.strip_prefix("whsk_") {
            let bytes = STANDARD
                .decode(encoded)
                .map_err(|_| InvalidSecret::Base64)?;
            let pair = match bytes.len() {
                32 => Ed25519KeyPair::from_seed_unchecked(&bytes),
                64 => Ed25519KeyPair::from_seed_and_public_key(&bytes[..32], &bytes[32..]),
                _ => return Err(InvalidSecret::Ed25519Key),
            };
            let pair = pair.map_err(|_| InvalidSecret::Ed25519Key)?;
            return Ok((Self::Ed25519, Signing::Ed25519(Box::new(pair))));
        }
        Err(InvalidSecret::Prefix)
    }
}

/// The public half of an Ed25519 secret, `whpk_…`; none for other secrets.
#[must_use]
pub fn public_key(text: &str) -> Option<String> {
    match SecretKind::read(text) {
        Ok((_, Signing::Ed25519(pair))) => {
            Some(format!("whpk_{}", STANDARD.encode(pair.public_key())))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_secrets_read_back_as_their_kind() {
        let chance = [7; SECRET_BYTES];
        assert_eq!(
            SecretKind::read(&SecretKind::Hmac.generate(&chance))
                .unwrap()
                .0,
            SecretKind::Hmac
        );
        let pair = SecretKind::Ed25519.generate(&chance);
        assert_eq!(SecretKind::read(&pair).unwrap().0, SecretKind::Ed25519);
        assert!(public_key(&pair).unwrap().starts_with("whpk_"));
    }

    #[test]
    fn bad_secrets_are_told_apart_and_never_quoted() {
        let refused = |text: &str| SecretKind::read(text).unwrap_err();
        assert_eq!(refused("hunter2"), InvalidSecret::Prefix);
        assert_eq!(refused("whsec_*"), InvalidSecret::Base64);
        assert_eq!(refused("whsec_c2hvcnQ="), InvalidSecret::HmacLength);
        assert_eq!(refused("whsk_c2hvcnQ="), InvalidSecret::Ed25519Key);
        assert_eq!(
            refused(&format!("whsk_{}", STANDARD.encode([9; 64]))),
            InvalidSecret::Ed25519Key
        );
    }

    #[test]
    fn a_secret_does_not_show_in_debug_output() {
        let secret = Secret {
            text: "whsec_topsecret".into(),
            created_at: Timestamp::default(),
            expires_at: None,
        };
        assert!(!format!("{secret:?}").contains("topsecret"));
    }
}
