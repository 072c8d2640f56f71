//! Digests that tell a repetition from other content.

use std::collections::BTreeMap;

use ring::digest::{Context, SHA256};
use serde_json::Value;

use super::Said;
use crate::port::log::{ContentDigest, IdempotencyDigest};

/// The digest of what an event says. White space and the order of members do not count.
pub(super) fn event_digest(said: &Said) -> ContentDigest {
    let mut context = Context::new(&SHA256);
    let attributes: BTreeMap<&str, &[String]> = said.attributes.iter().collect();
    let head = serde_json::json!([said.event_type, said.subcategory, attributes]);
    context.update(head.to_string().as_bytes());
    // What an event may lack adds nothing where it does, so that digests of earlier versions count on.
    if let Some(key) = &said.ordering_key {
        let member = serde_json::json!({"ordering_key": key});
        context.update(member.to_string().as_bytes());
    }
    if said.deliver_at.is_some() || said.expires_at.is_some() {
        let times = serde_json::json!({
            "deliver_at": said.deliver_at,
            "expires_at": said.expires_at,
        });
        context.update(times.to_string().as_bytes());
    }
    if let Some(until) = said.data_until {
        let member = serde_json::json!({"data_until": until});
        context.update(member.to_string().as_bytes());
    }
    context.update(&canonical(&said.data));
    shortened(context)
}

/// The digest of a request's body. White space and the order of members do not count.
#[must_use]
pub fn body_digest(body: &[u8]) -> ContentDigest {
    let mut context = Context::new(&SHA256);
    context.update(&canonical(body));
    shortened(context)
}

/// The digest of an `Idempotency-Key` with all that it counts for: the caller's key, the path, and the
/// place within a batch.
#[must_use]
pub fn idempotency_digest(caller: &str, path: &str, key: &str, place: usize) -> IdempotencyDigest {
    let mut context = Context::new(&SHA256);
    for part in [caller, path, key] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    context.update(&(place as u64).to_be_bytes());
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

fn canonical(json: &[u8]) -> Vec<u8> {
    // Without the feature that keeps the order, serde_json sorts members.
    match serde_json::from_slice::<Value>(json) {
        Ok(value) => value.to_string().into_bytes(),
        Err(_) => json.to_vec(),
    }
}

fn shortened(context: Context) -> ContentDigest {
    let mut digest = [0; 16];
    digest.copy_from_slice(&context.finish().as_ref()[..16]);
    digest
}
