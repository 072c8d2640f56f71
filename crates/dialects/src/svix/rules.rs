//! Rules that several objects share.

use std::collections::BTreeMap;

use fanfare_domain::rate::{Per, RateLimit};
use serde_json::{Map, Value};

use super::failure::{ALL, Failure};
use super::fields::{Fields, Given};

/// The most bytes of metadata as JSON.
const MOST_METADATA: usize = 4_096;
/// The highest throttle rate.
pub(super) const MOST_RATE: u64 = 65_535;

/// Whether a text is 1 to 256 of letters, digits, `-`, `_` and `.`.
pub(super) fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=256).contains(&text.len()) && text.bytes().all(plain)
}

const PLAIN: &str = "must be 1 to 256 letters, digits, '-', '_' and '.'";

/// Checks an id that the caller chose. `name` is the one in `loc`.
pub(super) fn check_uid(fields: &mut Fields, name: &str, uid: Option<&str>, prefix: &str) {
    let Some(uid) = uid else { return };
    if !is_plain(uid) {
        fields.fault(&[name, ALL], PLAIN);
    } else if uid.starts_with(prefix) {
        fields.fault(&[name, ALL], format!("must not begin with {prefix}"));
    }
}

/// Checks a name of the same characters.
pub(super) fn check_plain(fields: &mut Fields, name: &str, text: &str) {
    if !is_plain(text) {
        fields.fault(&[name, ALL], PLAIN);
    }
}

/// Checks what people read.
pub(super) fn check_text(fields: &mut Fields, name: &str, text: &str) {
    if text.chars().any(|letter| letter <= '\u{8}') {
        fields.fault(&[name], "must not hold control characters");
    }
}

/// Checks a list of names of which there must be some.
pub(super) fn check_list(fields: &mut Fields, name: &str, list: Option<&[String]>, most: usize) {
    let Some(list) = list else { return };
    if list.is_empty() || list.len() > most {
        fields.fault(&[name], format!("must have 1 to {most} entries"));
    } else if !list.iter().all(|each| is_plain(each)) {
        fields.fault(&[name, ALL], PLAIN);
    }
}

/// Metadata: string to string; null means none. None where it is absent.
pub(super) fn metadata(fields: &mut Fields) -> Result<Option<BTreeMap<String, String>>, Failure> {
    let given = match fields.object("metadata")? {
        Given::Absent => return Ok(None),
        Given::Null => Map::new(),
        Given::Value(map) => map,
    };
    let refused = |message: &str| Failure::decode(&["body", "metadata"], message);
    if Value::from(given.clone()).to_string().len() > MOST_METADATA {
        return Err(refused("must be at most 4096 bytes long as JSON"));
    }
    let texts = given.into_iter().map(|(name, value)| match value {
        Value::String(text) => Ok((name, text)),
        _ => Err(refused("must hold strings only")),
    });
    texts.collect::<Result<_, _>>().map(Some)
}

/// The throttle rate under its name or its alias; zero is refused.
pub(super) fn throttle_rate(fields: &mut Fields) -> Result<Given<u32>, Failure> {
    let given = match fields.number("throttleRate", MOST_RATE)? {
        Given::Absent => fields.number("rateLimit", MOST_RATE)?,
        given => given,
    };
    Ok(match given {
        Given::Absent => Given::Absent,
        Given::Null => Given::Null,
        Given::Value(rate) => {
            if rate == 0 {
                fields.fault(&["throttle_rate"], "must be at least 1");
            }
            Given::Value(u32::try_from(rate).unwrap_or(u32::MAX))
        }
    })
}

/// The engine's rate for a throttle rate.
pub(super) fn rate_limit(rate: Option<u32>) -> Option<RateLimit> {
    rate.map(|requests| RateLimit {
        requests,
        per: Per::Second,
        burst: RateLimit::usual_burst(requests, Per::Second),
    })
}

/// The throttle rate of an engine's rate, which another door may have set.
pub(super) fn shown_rate(limit: Option<&RateLimit>) -> Option<u32> {
    limit.map(|limit| match limit.per {
        Per::Second => limit.requests,
        Per::Minute => limit.requests.div_ceil(60),
    })
}
