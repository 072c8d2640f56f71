//! Checks of the headers that an endpoint adds to each request.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};

/// The most custom headers of an endpoint.
pub const MAX_HEADERS: usize = 32;
/// The most bytes of a custom header's value.
pub const MAX_HEADER_VALUE: usize = 4_096;
/// The most bytes of a custom header's name.
pub const MAX_HEADER_NAME: usize = 128;

/// Names that the request's own parts use, and that would change its meaning.
const RESERVED: [&str; 14] = [
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "proxy-authorization",
    "proxy-connection",
    "http2-settings",
];

/// Names that begin so are the formats' own.
const RESERVED_PREFIXES: [&str; 2] = ["webhook-", "svix-"];

/// Why a header can't be added. Values are never quoted: they may be secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeader {
    /// Too many of them.
    #[error("has {0} headers, at most {MAX_HEADERS} are possible")]
    TooMany(usize),
    /// Not a token of HTTP.
    #[error(
        "{0:?} is no header name: 1 to {MAX_HEADER_NAME} letters, digits and !#$%&'*+-.^_`|~ are possible"
    )]
    Name(String),
    /// A name that the request itself uses.
    #[error("{0:?} is set by the delivery itself and can't be given")]
    Reserved(String),
    /// A value that can't stand in a header.
    #[error(
        "the value of {0:?} must be at most {MAX_HEADER_VALUE} visible ASCII characters, blanks and tabs between them"
    )]
    Value(String),
    /// Two names that differ in case only.
    #[error("{0:?} is given twice; header names are the same whatever their case")]
    Twice(String),
}

/// Checks custom headers, all faults at once.
///
/// # Errors
/// What is wrong, header by header.
pub fn check_headers(headers: &BTreeMap<String, String>) -> Result<(), Vec<InvalidHeader>> {
    let mut faults = Vec::new();
    if headers.len() > MAX_HEADERS {
        faults.push(InvalidHeader::TooMany(headers.len()));
    }
    let mut seen = std::collections::BTreeSet::new();
    for (name, value) in headers {
        let lower = name.to_ascii_lowercase();
        if name.len() > MAX_HEADER_NAME || HeaderName::from_bytes(name.as_bytes()).is_err() {
            // Cut: the name came from outside and may be of any length.
            faults.push(InvalidHeader::Name(
                name.chars().take(MAX_HEADER_NAME).collect(),
            ));
            continue;
        }
        if RESERVED.contains(&lower.as_str())
            || RESERVED_PREFIXES
                .iter()
                .any(|prefix| lower.starts_with(prefix))
        {
            faults.push(InvalidHeader::Reserved(name.clone()));
        }
        let plain =
            value.is_ascii() && value.trim() == value && HeaderValue::from_str(value).is_ok();
        if !plain || value.len() > MAX_HEADER_VALUE {
            faults.push(InvalidHeader::Value(name.clone()));
        }
        if !seen.insert(lower) {
            faults.push(InvalidHeader::Twice(name.clone()));
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// Whether a header's value is kept out of the log: those that commonly carry secrets.
#[must_use]
pub fn is_secret_header(name: &str) -> bool {
    // Asked for each header of each attempt, so nothing is copied and few places are compared.
    let name = name.as_bytes();
    name.iter().enumerate().any(|(place, first)| {
        let marks: &[&str] = match first.to_ascii_lowercase() {
            b'a' => &["auth"],
            b'c' => &["cookie", "credential"],
            b'k' => &["key"],
            b'p' => &["password"],
            b's' => &["secret", "signature"],
            b't' => &["token"],
            _ => &[],
        };
        let begins = |mark: &&str| {
            name[place..]
                .get(..mark.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(mark.as_bytes()))
        };
        marks.iter().any(begins)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(name: &str, value: &str) -> Vec<InvalidHeader> {
        check_headers(&BTreeMap::from([(name.to_owned(), value.to_owned())]))
            .err()
            .unwrap_or_default()
    }

    #[test]
    fn what_could_split_a_request_is_refused() {
        for (name, value) in [
            ("x-a", "a\r\nHost: evil"),
            ("x-a", "a\nb"),
            ("x-a", "\0"),
            ("x-a", " a"),
            ("x-a", "é"),
        ] {
            assert!(
                matches!(faults(name, value)[..], [InvalidHeader::Value(_)]),
                "{name}: {value:?}"
            );
        }
        for name in ["", "x a", "x:a", "x\r\n", "é"] {
            assert!(
                matches!(faults(name, "v")[..], [InvalidHeader::Name(_)]),
                "{name:?}"
            );
        }
    }

    #[test]
    fn the_requests_own_headers_cannot_be_given() {
        for name in [
            "Host",
            "content-length",
            "Transfer-Encoding",
            "webhook-id",
            "Webhook-Signature",
            "Connection",
        ] {
            assert!(
                matches!(faults(name, "v")[..], [InvalidHeader::Reserved(_)]),
                "{name}"
            );
        }
        assert!(faults("Authorization", "Bearer abc").is_empty());
    }

    #[test]
    fn likely_secrets_are_known_by_their_names() {
        assert!(
            is_secret_header("Authorization")
                && is_secret_header("X-Api-Key")
                && is_secret_header("Cookie")
        );
        assert!(!is_secret_header("content-type") && !is_secret_header("x-region"));
        assert!(is_secret_header("X-TOKEN") && is_secret_header("myPassword"));
        assert!(!is_secret_header("x-ke") && !is_secret_header(""));
    }
}
