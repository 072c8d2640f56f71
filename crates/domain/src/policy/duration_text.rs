//! Durations as texts with units: `15s`, `1h30m`, `250ms`.

use std::time::Duration;

/// The text was no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a duration with units, such as \"250ms\", \"15s\", \"1h30m\" or \"7d\"")]
pub struct InvalidDuration;

/// Units from the largest on, with the milliseconds of each.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Reads whole numbers with the units `d`, `h`, `m`, `s` and `ms`, one after another.
///
/// # Errors
/// When the text is empty, a number has no unit, or the sum is past what milliseconds in 64 bits hold.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidDuration> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(InvalidDuration);
    }
    let mut millis: u64 = 0;
    while !rest.is_empty() {
        let digits = rest
            .find(|letter: char| !letter.is_ascii_digit())
            .ok_or(InvalidDuration)?;
        let number: u64 = rest[..digits].parse().map_err(|_| InvalidDuration)?;
        rest = &rest[digits..];
        let letters = rest
            .find(|letter: char| !letter.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let unit = &rest[..letters];
        let (_, each) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or(InvalidDuration)?;
        millis = number
            .checked_mul(*each)
            .and_then(|sum| millis.checked_add(sum))
            .ok_or(InvalidDuration)?;
        rest = rest[letters..].trim_start();
    }
    Ok(Duration::from_millis(millis))
}

/// The shortest text that [`parse_duration`] reads as this, to the millisecond.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, each) in UNITS {
        if rest >= each {
            text.push_str(&format!("{}{unit}", rest / each));
            rest %= each;
        }
    }
    text
}

pub(crate) mod option {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de};

    #[expect(clippy::ref_option, reason = "the signature that serde asks for")]
    pub(crate) fn serialize<S: Serializer>(
        value: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(duration) => serializer.serialize_str(&super::format_duration(*duration)),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let text = <Option<std::borrow::Cow<'de, str>>>::deserialize(deserializer)?;
        text.map(|text| super::parse_duration(&text))
            .transpose()
            .map_err(de::Error::custom)
    }
}

pub(super) mod list {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de};

    #[expect(clippy::ref_option, reason = "the signature that serde asks for")]
    pub(crate) fn serialize<S: Serializer>(
        value: &Option<Vec<Duration>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(list) => {
                serializer.collect_seq(list.iter().map(|each| super::format_duration(*each)))
            }
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<Duration>>, D::Error> {
        let texts = <Option<Vec<String>>>::deserialize(deserializer)?;
        let read = |texts: Vec<String>| {
            texts
                .iter()
                .map(|text| super::parse_duration(text))
                .collect()
        };
        texts.map(read).transpose().map_err(de::Error::custom)
    }
}
