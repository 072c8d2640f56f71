//! Tokens of the original's form: JWTs (RFC 7519) signed with HMAC-SHA256.
//!
//! Three lines of a library's work are wanted here and none of its choices: one algorithm, compared by
//! its name and nothing else, and four claims. `ring` has the HMAC, in constant time.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fanfare_domain::time::Timestamp;
use ring::hmac;
use serde::{Deserialize, Serialize};

/// How far clocks may differ, in seconds.
const TOLERANCE: i64 = 60;
/// The most bytes of a token.
const MOST: usize = 8_192;

/// What a token says.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Claims {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) iss: Option<String>,
    pub(super) sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) org: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) iat: Option<serde_json::Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nbf: Option<serde_json::Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exp: Option<serde_json::Number>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) feature_flags: Vec<String>,
    /// Ours: whether it may only look.
    #[serde(
        default,
        rename = "readOnly",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub(super) read_only: bool,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

/// The key that tokens are signed with.
pub(super) struct TokenKey(hmac::Key);

impl TokenKey {
    pub(super) fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// What a token says, if it was signed with this key and counts now.
    pub(super) fn verify(&self, token: &str, now: Timestamp) -> Option<Claims> {
        if token.len() > MOST {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
        if header.alg != "HS256" {
            return None;
        }
        hmac::verify(&self.0, signed.as_bytes(), &decode(signature)?).ok()?;
        let claims: Claims = serde_json::from_slice(&decode(claims)?).ok()?;
        let now = now.seconds();
        let seconds = |number: &Option<serde_json::Number>| number.as_ref()?.as_f64();
        let over = |at: f64| at <= (now - TOLERANCE) as f64;
        let to_come = |at: f64| at > (now + TOLERANCE) as f64;
        let expired = seconds(&claims.exp).is_some_and(over);
        let early = seconds(&claims.nbf).is_some_and(to_come);
        let from_the_future = seconds(&claims.iat).is_some_and(to_come);
        (!expired && !early && !from_the_future).then_some(claims)
    }

    /// The text of a token.
    pub(super) fn sign(&self, claims: &Claims) -> String {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        let claims = serde_json::to_vec(claims).unwrap_or_default();
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
        let signature = hmac::sign(&self.0, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn claims() -> Claims {
        Claims {
            sub: Some("org_1".to_owned()),
            exp: Some(1_800_000_100.into()),
            ..Claims::default()
        }
    }

    #[test]
    fn a_token_cut_or_changed_at_any_byte_is_refused() {
        let key = TokenKey::new(b"secret");
        let token = key.sign(&claims());
        assert_eq!(
            key.verify(&token, NOW).unwrap().sub.as_deref(),
            Some("org_1")
        );
        for place in 0..token.len() {
            assert!(key.verify(&token[..place], NOW).is_none(), "cut at {place}");
            for other in [b'A', b'B', b'.', b'-'] {
                let mut changed = token.clone().into_bytes();
                if changed[place] == other {
                    continue;
                }
                changed[place] = other;
                let changed = String::from_utf8(changed).unwrap();
                assert!(key.verify(&changed, NOW).is_none(), "{other} at {place}");
            }
        }
    }

    #[test]
    fn other_keys_and_algorithms_are_refused() {
        let key = TokenKey::new(b"secret");
        let token = TokenKey::new(b"another").sign(&claims());
        assert!(key.verify(&token, NOW).is_none());
        for alg in ["none", "None", "HS512", "hs256", "RS256"] {
            let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{alg}"}}"#));
            let body = URL_SAFE_NO_PAD.encode(r#"{"sub":"org_1"}"#);
            let signed = format!("{header}.{body}");
            let tag = URL_SAFE_NO_PAD.encode(hmac::sign(&key.0, signed.as_bytes()));
            assert!(
                key.verify(&format!("{signed}.{tag}"), NOW).is_none(),
                "{alg}"
            );
            assert!(key.verify(&format!("{signed}."), NOW).is_none(), "{alg}");
        }
    }

    #[test]
    fn times_are_checked_with_a_minutes_tolerance() {
        let key = TokenKey::new(b"secret");
        let with = |change: fn(&mut Claims, i64), at: i64| {
            let mut claims = claims();
            change(&mut claims, at);
            key.verify(&key.sign(&claims), NOW).is_some()
        };
        let now = NOW.seconds();
        assert!(with(|claims, at| claims.exp = Some(at.into()), now - 59));
        assert!(!with(|claims, at| claims.exp = Some(at.into()), now - 60));
        assert!(with(|claims, at| claims.nbf = Some(at.into()), now + 60));
        assert!(!with(|claims, at| claims.nbf = Some(at.into()), now + 61));
        assert!(!with(|claims, at| claims.iat = Some(at.into()), now + 61));
    }
}
