//! The header `Idempotency-Key`: requests that can be repeated.

use fanfare_app::caller::Caller;
use fanfare_app::publish::{IdempotencyKey, body_digest, idempotency_digest};
use http::HeaderMap;
use utoipa::IntoParams;

use crate::problem::Problem;

/// The header's name.
const HEADER: &str = "Idempotency-Key";
/// The most characters of its value.
const MAX_LENGTH: usize = 255;

/// The header, for the document.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "documents the header, which Repeatable reads")]
pub(crate) struct IdempotencyHeader {
    /// A name for this request, 1 to 255 visible ASCII characters: repeated within 24 hours with the same
    /// key and body, it is answered as the first time and does nothing again; with another body it is
    /// refused.
    #[param(
        rename = "Idempotency-Key",
        required = false,
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$",
        example = "6f1c0a6e-in_42-paid"
    )]
    idempotency_key: String,
}

/// A request that can be repeated: what it is known by.
#[derive(Debug)]
pub(crate) struct Repeatable {
    caller: String,
    path: String,
    key: String,
}

impl Repeatable {
    /// Reads the header, if there is one.
    pub(crate) fn read(
        headers: &HeaderMap,
        caller: &Caller,
        path: impl FnOnce() -> String,
    ) -> Result<Option<Self>, Problem> {
        let mut values = headers.get_all(HEADER).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        let plain = |text: &&str| {
            (1..=MAX_LENGTH).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let text = value.to_str().ok().filter(plain);
        match (text, values.next()) {
            (Some(text), None) => Ok(Some(Self {
                // The administrator's key acts in several environments.
                caller: format!("{} {}", caller.environment, caller.key),
                path: path(),
                key: text.to_owned(),
            })),
            _ => Err(Problem::header(
                HEADER,
                "must be given once, as 1 to 255 visible ASCII characters",
            )),
        }
    }

    /// What each of the body's events is known by.
    pub(crate) fn keys(&self, body: &[u8], events: usize) -> Vec<IdempotencyKey> {
        let content = body_digest(body);
        (0..events)
            .map(|place| IdempotencyKey {
                digest: idempotency_digest(&self.caller, &self.path, &self.key, place),
                content,
                lasts: None,
            })
            .collect()
    }
}
