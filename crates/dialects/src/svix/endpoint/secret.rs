//! Secrets: `GET …/secret` and `POST …/secret/rotate`.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::secret::{SECRET_BYTES, SecretKind, public_key};
use http::header::USER_AGENT;
use serde_json::json;

use crate::svix::call::{Answer, Call};
use crate::svix::endpoint::changed;
use crate::svix::failure::{ALL, Failure};
use crate::svix::fields::Fields;

const HMAC: &str = "whsec_";
const ED25519: &str = "whsk_";
/// How long an old key signs unless told, and the longest, in seconds.
const USUAL_GRACE: u64 = 86_400;
const MOST_GRACE: u64 = 604_800;

/// Reads a secret under a member's name; none: one is to be made.
pub(super) fn given(fields: &mut Fields, name: &'static str) -> Result<Option<String>, Failure> {
    let Some(text) = fields.text(name)?.value() else {
        return Ok(None);
    };
    let decode = |message: &str| Err(Failure::decode(&["body", name], message));
    let encoded = match (text.strip_prefix(HMAC), text.strip_prefix(ED25519)) {
        (Some(encoded), _) | (_, Some(encoded)) => encoded,
        _ => return decode("must begin with whsec_ or whsk_"),
    };
    if STANDARD.decode(encoded).is_err() {
        return decode("must be standard base64 after its prefix");
    }
    if let Err(cause) = SecretKind::read(&text) {
        fields.fault(&["key", ALL], cause.to_string());
    }
    Ok(Some(text))
}

/// The kind of a secret that was checked.
pub(super) fn kind(text: &str) -> SecretKind {
    if text.starts_with(ED25519) {
        SecretKind::Ed25519
    } else {
        SecretKind::Hmac
    }
}

/// A new secret of 24 bytes, or a new key pair where the endpoint had one.
pub(super) fn made(endpoint: &Endpoint, chance: &[u8; SECRET_BYTES]) -> String {
    match endpoint.signature {
        SecretKind::Hmac => format!("{HMAC}{}", STANDARD.encode(&chance[..24])),
        SecretKind::Ed25519 => endpoint.signature.generate(chance),
    }
}

/// What receivers need of the newest secret: of a key pair its public half.
fn key(endpoint: &Endpoint) -> String {
    let newest = endpoint.secrets.first();
    let text = newest.map(|secret| secret.text.clone()).unwrap_or_default();
    public_key(&text).unwrap_or(text)
}

/// `GET …/secret`.
pub(in crate::svix) async fn read(call: &Call) -> Result<Answer, Failure> {
    Ok(Answer::ok(&json!({"key": key(&call.endpoint().await?)})))
}

/// `POST …/secret/rotate`. The original's server answers nothing, and its newest clients expect the key.
pub(in crate::svix) async fn rotate(call: &Call) -> Result<Answer, Failure> {
    let endpoint = call.endpoint().await?;
    let mut fields = Fields::read(&call.body)?;
    let text = given(&mut fields, "key")?;
    let grace = fields.number("gracePeriodSeconds", u64::MAX)?.value();
    let grace = grace.unwrap_or(USUAL_GRACE);
    if grace > MOST_GRACE {
        fields.fault(
            &["grace_period_seconds"],
            format!("must be at most {MOST_GRACE}"),
        );
    }
    fields.finish()?;
    let (fanfare, now) = (call.fanfare(), call.now());
    let chance = fanfare.chance();
    let change = |endpoint: &mut Endpoint| {
        let signing = endpoint.secrets.iter();
        let signing = signing.filter(|secret| secret.signs_at(now)).count();
        if grace > 0 && signing >= Endpoint::MAX_SECRETS {
            return Err(Failure::bad(
                "limit_reached",
                "too many old keys still sign; wait, or rotate with a grace period of 0",
            ));
        }
        let text = text.clone().unwrap_or_else(|| made(endpoint, &chance));
        endpoint.signature = kind(&text);
        let fresh = fanfare.secret_from_now(text);
        endpoint.rotate(fresh, Duration::from_secs(grace), now);
        Ok(())
    };
    let endpoint = changed(call, &endpoint, change).await?;
    let agent = call.headers.get(USER_AGENT);
    let agent = agent.and_then(|value| value.to_str().ok());
    if agent.is_some_and(|agent| agent.starts_with("svix-libs/")) {
        Ok(Answer::ok(&json!({"key": key(&endpoint)})))
    } else {
        Ok(Answer::nothing())
    }
}
