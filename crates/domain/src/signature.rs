//! Signatures by the Standard Webhooks specification, version 1.0.
//!
//! Signed is `{webhook-id}.{webhook-timestamp}.{body}`; `v1` is HMAC-SHA256, `v1a` Ed25519, both in
//! standard base64. Several signatures stand in one header, blank-separated.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use ring::signature::{ED25519, UnparsedPublicKey};

use crate::secret::{Secret, SecretKind, Signing};
use crate::time::Timestamp;

/// What signs for an endpoint: its secrets made ready, in their order.
#[derive(Debug, Default)]
pub struct Signer {
    keys: Vec<SigningKey>,
}

#[derive(Debug)]
struct SigningKey {
    signing: Signing,
    expires_at: Option<Timestamp>,
}

impl Signer {
    /// Makes secrets ready; texts that are not of the standard's format are left out.
    #[must_use]
    pub fn new(secrets: &[Secret]) -> Self {
        let ready = |secret: &Secret| {
            let (_, signing) = SecretKind::read(&secret.text).ok()?;
            Some(SigningKey {
                signing,
                expires_at: secret.expires_at,
            })
        };
        Self {
            keys: secrets.iter().filter_map(ready).collect(),
        }
    }

    /// The value of `webhook-signature`; none when no secret signs at `now`.
    #[must_use]
    pub fn sign(
        &self,
        now: Timestamp,
        webhook_id: &str,
        timestamp: &str,
        body: &[u8],
    ) -> Option<String> {
        let mut header = String::new();
        for key in &self.keys {
            if key.expires_at.is_some_and(|at| at <= now) {
                continue;
            }
            if !header.is_empty() {
                header.push(' ');
            }
            match &key.signing {
                Signing::Hmac(key) => {
                    let mut context = hmac::Context::with_key(key);
                    for part in [
                        webhook_id.as_bytes(),
                        b".",
                        timestamp.as_bytes(),
                        b".",
                        body,
                    ] {
                        context.update(part);
                    }
                    header.push_str("v1,");
                    STANDARD.encode_string(context.sign(), &mut header);
                }
                Signing::Ed25519(pair) => {
                    let signed = signed_text(webhook_id, timestamp, body);
                    header.push_str("v1a,");
                    STANDARD.encode_string(pair.sign(&signed), &mut header);
                }
            }
        }
        (!header.is_empty()).then_some(header)
    }
}

fn signed_text(webhook_id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(webhook_id.len() + timestamp.len() + body.len() + 2);
    for part in [
        webhook_id.as_bytes(),
        b".",
        timestamp.as_bytes(),
        b".",
        body,
    ] {
        text.extend_from_slice(part);
    }
    text
}

/// Why a signature could not be checked against a secret. Never quotes the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The secret is of none of the standard's formats.
    #[error("the secret must be \"whsec_…\", \"whsk_…\" or \"whpk_…\" with standard base64")]
    Secret,
    /// No signature in the header fits.
    #[error(
        "no signature in the header was made with this secret over this id, timestamp and body"
    )]
    NoMatch,
}

/// Checks a `webhook-signature` header: any one signature that fits is enough.
///
/// Says nothing of the timestamp's age, which is the receiver's to judge.
///
/// # Errors
/// When the secret is unusable, or no signature fits.
pub fn verify(
    secret: &str,
    webhook_id: &str,
    timestamp: &str,
    body: &[u8],
    header: &str,
) -> Result<(), VerifyError> {
    let signed = signed_text(webhook_id, timestamp, body);
    let public = match secret.strip_prefix("whpk_") {
        Some(encoded) => Some(STANDARD.decode(encoded).map_err(|_| VerifyError::Secret)?),
        None => None,
    };
    let signing = match &public {
        Some(_) => None,
        None => Some(SecretKind::read(secret).map_err(|_| VerifyError::Secret)?.1),
    };
    let fits = header.split(' ').any(|entry| {
        let Some((version, encoded)) = entry.split_once(',') else {
            return false;
        };
        let Ok(signature) = STANDARD.decode(encoded) else {
            return false;
        };
        let ed25519 = |key: &[u8]| {
            UnparsedPublicKey::new(&ED25519, key)
                .verify(&signed, &signature)
                .is_ok()
        };
        match (version, &signing, &public) {
            ("v1", Some(Signing::Hmac(key)), _) => hmac::verify(key, &signed, &signature).is_ok(),
            ("v1a", _, Some(key)) => ed25519(key),
            ("v1a", Some(Signing::Ed25519(pair)), _) => {
                ed25519(ring::signature::KeyPair::public_key(pair.as_ref()).as_ref())
            }
            _ => false,
        }
    });
    if fits {
        Ok(())
    } else {
        Err(VerifyError::NoMatch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str, expires_at: Option<Timestamp>) -> Secret {
        Secret {
            text: text.to_owned(),
            created_at: Timestamp::default(),
            expires_at,
        }
    }

    /// The vector that the specification's reference libraries carry in their tests.
    #[test]
    fn the_reference_vector_of_the_standard_holds() {
        let signer = Signer::new(&[secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", None)]);
        let body = br#"{"test": 2432232314}"#;
        let header = signer.sign(
            Timestamp::default(),
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            body,
        );
        assert_eq!(
            header.unwrap(),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    /// RFC 8032, section 7.1, test 1: the key pair, checked by signing with its seed.
    #[test]
    fn an_ed25519_signature_is_the_one_of_rfc_8032() {
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
                .collect()
        };
        let seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let public = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        let text = format!("whsk_{}", STANDARD.encode(&seed));
        assert_eq!(
            crate::secret::public_key(&text).unwrap(),
            format!("whpk_{}", STANDARD.encode(&public))
        );
        let (_, Signing::Ed25519(pair)) = SecretKind::read(&text).unwrap() else {
            panic!("no key pair")
        };
        assert_eq!(
            pair.sign(b"").as_ref(),
            hex(
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
            )
        );
    }

    #[test]
    fn during_a_rotation_both_secrets_sign_newest_first_and_the_old_one_stops_at_its_end() {
        let end = Timestamp::from_seconds(100);
        let (new, old) = (
            SecretKind::Hmac.generate(&[1; 32]),
            SecretKind::Hmac.generate(&[2; 32]),
        );
        let signer = Signer::new(&[secret(&new, None), secret(&old, Some(end))]);
        let both = signer
            .sign(Timestamp::from_seconds(99), "id", "99", b"{}")
            .unwrap();
        assert_eq!(both.split(' ').count(), 2);
        verify(&new, "id", "99", b"{}", &both).unwrap();
        verify(&old, "id", "99", b"{}", &both).unwrap();
        verify(&new, "id", "99", b"{}", both.split(' ').next().unwrap()).unwrap();
        let one = signer.sign(end, "id", "100", b"{}").unwrap();
        assert_eq!(one.split(' ').count(), 1);
        assert_eq!(
            verify(&old, "id", "100", b"{}", &one),
            Err(VerifyError::NoMatch)
        );
    }

    #[test]
    fn a_changed_byte_is_noticed_for_both_kinds() {
        for kind in [SecretKind::Hmac, SecretKind::Ed25519] {
            let text = kind.generate(&[3; 32]);
            let header = Signer::new(&[secret(&text, None)])
                .sign(Timestamp::default(), "id", "1", b"body")
                .unwrap();
            verify(&text, "id", "1", b"body", &header).unwrap();
            for (id, at, body) in [
                ("ie", "1", b"body"),
                ("id", "2", b"body"),
                ("id", "1", b"bodz"),
            ] {
                assert_eq!(
                    verify(&text, id, at, body, &header),
                    Err(VerifyError::NoMatch)
                );
            }
        }
    }

    #[test]
    fn an_endpoint_without_secrets_is_unsigned() {
        assert_eq!(
            Signer::new(&[]).sign(Timestamp::default(), "id", "1", b""),
            None
        );
    }
}
