//! Pages of lists: `limit` and `paginationToken`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::failure::Failure;

/// What a caller asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) limit: usize,
    /// What the token of the page before held; none: the first page.
    pub(super) after: Option<String>,
}

impl Page {
    /// Reads a query. Absent, 0 and too large a limit mean the most.
    pub(super) fn read(query: Option<&str>, most: usize) -> Result<Self, Failure> {
        let mut page = Self {
            limit: most,
            after: None,
        };
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match &*name {
                "limit" => page.limit = limit(&value, most)?,
                "paginationToken" if !value.is_empty() => page.after = Some(unpack(&value)?),
                _ => {}
            }
        }
        Ok(page)
    }
}

fn limit(text: &str, most: usize) -> Result<usize, Failure> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Failure::field(
            "limit must be a number that is not negative",
        ));
    }
    // Digits that make no number make one that is too large.
    let given: usize = text.parse().unwrap_or(usize::MAX);
    Ok(if given == 0 { most } else { given.min(most) })
}

fn unpack(token: &str) -> Result<String, Failure> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(wrong_token)
}

/// The token with this in it.
pub(super) fn token(after: &str) -> String {
    URL_SAFE_NO_PAD.encode(after)
}

pub(super) fn wrong_token() -> Failure {
    Failure::field("paginationToken is not one that this list gave")
}
