//! Repetitions of a POST: answered as the first time.
//!
//! A request is known by its `Authorization`, its `idempotency-key`, and its path with the query; the body
//! is not compared. What was answered is kept sealed by a key made from the same things, so that nobody
//! reads a secret out of the store who could not have asked for it again.
//!
//! Creating messages is left out here: there the engine finds the twin, in the commit that makes the
//! message, and the answer follows from the message itself.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use fanfare_app::external::answers::Known;
use fanfare_app::publish::idempotency_digest;
use fanfare_domain::name::EnvironmentId;
use http::{Method, StatusCode, header};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::call::{Answer, Call};
use super::failure::Failure;
use super::message;
use super::operations::{Access, Operation};
use crate::signing::hex;

const HEADER: &str = "idempotency-key";
/// How long a twin waits for the first one's answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(20);
/// The places by which the two digests of a request differ.
const NAME: usize = 0;
const SEAL: usize = 1;

/// Answers a call, or answers it as before.
pub(super) async fn answered_once(operation: &Operation, call: &Call) -> Result<Answer, Failure> {
    let once = operation.method == Method::POST
        && operation.access != Access::Anybody
        && operation.path != message::create::PATH;
    match key(call).filter(|_| once) {
        None => (operation.run)(call).await,
        Some(key) => once_for(operation, call, key).await,
    }
}

async fn once_for(operation: &Operation, call: &Call, key: &str) -> Result<Answer, Failure> {
    let (fanfare, environment) = (call.fanfare(), call.environment()?);
    let name = hex(&digest(call, key, NAME));
    let seal = digest(call, key, SEAL);
    let Some(claim) = claim(call, environment, &name, &seal).await? else {
        return Err(Failure::conflict(
            "a request with this idempotency-key is still under way",
        ));
    };
    let claim = match claim {
        Ok(answer) => return Ok(answer),
        Err(claim) => claim,
    };
    let outcome = (operation.run)(call).await;
    let kept = match &outcome {
        Ok(answer) => {
            let chance = fanfare.chance();
            sealed(answer, &seal, &chance)
        }
        Err(_) => None,
    };
    fanfare.end_answer(claim, kept).await?;
    outcome
}

type Claimed = Result<Answer, fanfare_app::external::answers::Claim>;

/// The answer of before, or the right to give the first one; none where that is under way for long.
async fn claim(
    call: &Call,
    environment: &EnvironmentId,
    name: &str,
    seal: &[u8; 32],
) -> Result<Option<Claimed>, Failure> {
    let waiting = async {
        loop {
            match call.fanfare().begin_answer(environment, name).await? {
                Known::First(claim) => return Ok(Err(claim)),
                Known::Answered(text) => return opened(&text, seal).map(Ok),
                Known::UnderWay => tokio::time::sleep(LOOK).await,
            }
        }
    };
    match tokio::time::timeout(PATIENCE, waiting).await {
        Ok(claimed) => claimed.map(Some),
        Err(_) => Ok(None),
    }
}

/// The request's `idempotency-key`.
fn key(call: &Call) -> Option<&str> {
    let text = call.headers.get(HEADER)?.to_str().ok()?;
    (!text.is_empty()).then_some(text)
}

/// What a request is known by.
pub(super) fn digest_of(call: &Call) -> Option<[u8; 32]> {
    key(call).map(|key| digest(call, key, NAME))
}

fn digest(call: &Call, key: &str, place: usize) -> [u8; 32] {
    let caller = call.headers.get(header::AUTHORIZATION);
    let caller = caller.and_then(|value| value.to_str().ok());
    idempotency_digest(caller.unwrap_or_default(), &call.target, key, place)
}

fn cipher(seal: &[u8; 32]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, seal)
        .ok()
        .map(LessSafeKey::new)
}

/// A nonce by chance, then status and body, sealed.
fn sealed(answer: &Answer, seal: &[u8; 32], chance: &[u8; 32]) -> Option<String> {
    let nonce: [u8; NONCE_LEN] = chance[..NONCE_LEN].try_into().ok()?;
    let mut text = answer.status.as_u16().to_be_bytes().to_vec();
    if let Some(body) = &answer.body {
        text.push(1);
        text.extend_from_slice(body);
    }
    let place = Nonce::assume_unique_for_key(nonce);
    let key = cipher(seal)?;
    key.seal_in_place_append_tag(place, Aad::empty(), &mut text)
        .ok()?;
    Some(STANDARD.encode([&nonce[..], &text].concat()))
}

fn opened(text: &str, seal: &[u8; 32]) -> Result<Answer, Failure> {
    let open = || {
        let bytes = STANDARD.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let plain = cipher(seal)?
            .open_in_place(nonce, Aad::empty(), &mut sealed)
            .ok()?;
        let (status, rest) = plain.split_first_chunk::<2>()?;
        let body = rest
            .split_first()
            .map(|(_, body)| Bytes::copy_from_slice(body));
        Some(Answer {
            status: StatusCode::from_u16(u16::from_be_bytes(*status)).ok()?,
            body,
        })
    };
    open().ok_or_else(|| {
        tracing::error!(dialect = super::NAME, "a kept answer can't be opened");
        Failure::Internal
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_answer_is_opened_by_its_request_only() {
        let answer = Answer {
            status: StatusCode::CREATED,
            body: Some(Bytes::from_static(b"{\"key\":\"whsec_x\"}")),
        };
        let text = sealed(&answer, &[1; 32], &[2; 32]).unwrap();
        assert!(!String::from_utf8_lossy(&STANDARD.decode(&text).unwrap()).contains("whsec"));
        let again = opened(&text, &[1; 32]).unwrap();
        assert_eq!((again.status, again.body), (answer.status, answer.body));
        assert!(opened(&text, &[3; 32]).is_err());
        let silent = sealed(&Answer::nothing(), &[1; 32], &[2; 32]).unwrap();
        assert!(opened(&silent, &[1; 32]).unwrap().body.is_none());
    }
}
