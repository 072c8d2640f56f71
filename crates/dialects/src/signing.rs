//! What signatures are made of.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

/// HMAC-SHA256 over the parts one after another.
fn hmac_sha256(secret: &str, parts: &[&[u8]]) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut context = hmac::Context::with_key(&key);
    for part in parts {
        context.update(part);
    }
    context.sign()
}

/// HMAC-SHA256 over the parts one after another, in lower-case hex.
pub(crate) fn hmac_sha256_hex(secret: &str, parts: &[&[u8]]) -> String {
    hex(hmac_sha256(secret, parts).as_ref())
}

/// HMAC-SHA256 over the parts one after another, in base64 with padding.
pub(crate) fn hmac_sha256_base64(secret: &str, parts: &[&[u8]]) -> String {
    STANDARD.encode(hmac_sha256(secret, parts))
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}
