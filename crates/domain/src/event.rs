//! Events: what was published, immutable.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Names and the values that an event has, or an endpoint asks for, under each.
///
/// Always sorted, and each list without duplicates, so that equal ones are equal as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attributes(BTreeMap<String, Vec<String>>);

/// Why attributes can't be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAttributes {
    /// There are too many names.
    #[error("has {0} names, at most {max} are possible", max = Attributes::MAX_NAMES)]
    TooManyNames(usize),
    /// There are too many values under a name.
    #[error("has {count} values under {name:?}, at most {max} are possible", max = Attributes::MAX_VALUES)]
    TooManyValues {
        /// The name.
        name: String,
        /// How many there are.
        count: usize,
    },
    /// A name or value is empty or too long.
    #[error("names must be 1 to {name} and values 1 to {value} bytes long", name = Attributes::MAX_NAME, value = Attributes::MAX_VALUE)]
    Length,
}

impl Attributes {
    /// The most names.
    pub const MAX_NAMES: usize = 32;
    /// The most values under a name.
    pub const MAX_VALUES: usize = 64;
    /// The most bytes of a name.
    pub const MAX_NAME: usize = 128;
    /// The most bytes of a value.
    pub const MAX_VALUE: usize = 512;

    /// Takes names and values; lists are sorted and freed of duplicates, empty ones dropped.
    ///
    /// # Errors
    /// When there is too much of something, see the constants.
    pub fn new(map: BTreeMap<String, Vec<String>>) -> Result<Self, InvalidAttributes> {
        if map.len() > Self::MAX_NAMES {
            return Err(InvalidAttributes::TooManyNames(map.len()));
        }
        let mut taken = BTreeMap::new();
        for (name, mut values) in map {
            if values.len() > Self::MAX_VALUES {
                return Err(InvalidAttributes::TooManyValues {
                    name,
                    count: values.len(),
                });
            }
            let fits = |text: &str, max| (1..=max).contains(&text.len());
            if !fits(&name, Self::MAX_NAME)
                || !values.iter().all(|value| fits(value, Self::MAX_VALUE))
            {
                return Err(InvalidAttributes::Length);
            }
            values.sort_unstable();
            values.dedup();
            if !values.is_empty() {
                taken.insert(name, values);
            }
        }
        Ok(Self(taken))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0
            .iter()
            .map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    /// The values under a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[String]> {
        self.0.get(name).map(Vec::as_slice)
    }

    /// Whether `event` carries one of the values asked for here under each of the names asked for.
    #[must_use]
    pub fn met_by(&self, event: &Self) -> bool {
        self.unmet_by(event).next().is_none()
    }

    /// What is asked for here of which `event` carries nothing.
    pub fn unmet_by(&self, event: &Self) -> impl Iterator<Item = (&str, &[String])> {
        self.iter().filter(|(name, wanted)| {
            !event.0.get(*name).is_some_and(|values| {
                values
                    .iter()
                    .any(|value| wanted.binary_search(value).is_ok())
            })
        })
    }
}

/// The most bytes of an event id that a caller chooses.
pub const MAX_EVENT_ID: usize = 128;

/// Why a text can't be a caller's event id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEventId {
    /// Length or characters. A full stop would blur the signed text, see Standard Webhooks.
    #[error("must be 1 to {MAX_EVENT_ID} characters of A-Z, a-z, 0-9, '_', '-' and ':'")]
    Form,
    /// It has the form of the ids that Fanfare makes.
    #[error("has the form of a generated id; choose one that does not begin with \"evt_\"")]
    Reserved,
}

/// Checks an event id that a caller chose.
///
/// # Errors
/// When it can't be sent as `webhook-id`, or could be taken for a generated one.
pub fn check_event_id(text: &str) -> Result<(), InvalidEventId> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b':');
    if !(1..=MAX_EVENT_ID).contains(&text.len()) || !text.bytes().all(plain) {
        return Err(InvalidEventId::Form);
    }
    if crate::id::EventId::parse(text).is_ok() {
        return Err(InvalidEventId::Reserved);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(pairs: &[(&str, &[&str])]) -> Attributes {
        let map = pairs.iter().map(|(name, values)| {
            (
                (*name).to_owned(),
                values.iter().map(|v| (*v).to_owned()).collect(),
            )
        });
        Attributes::new(map.collect()).unwrap()
    }

    #[test]
    fn an_event_must_carry_one_value_under_each_name() {
        let wanted = attributes(&[("region", &["eu", "us"]), ("plan", &["pro"])]);
        assert!(wanted.met_by(&attributes(&[
            ("region", &["us"]),
            ("plan", &["pro", "free"]),
            ("x", &["y"])
        ])));
        assert!(!wanted.met_by(&attributes(&[("region", &["us"])])));
        assert!(!wanted.met_by(&attributes(&[("region", &["asia"]), ("plan", &["pro"])])));
        assert!(attributes(&[]).met_by(&attributes(&[])));
    }

    #[test]
    fn event_ids_of_callers_have_no_full_stop_and_are_not_ours() {
        assert!(check_event_id("order-42:paid").is_ok());
        assert_eq!(check_event_id("a.b"), Err(InvalidEventId::Form));
        assert_eq!(check_event_id(""), Err(InvalidEventId::Form));
        assert_eq!(
            check_event_id("evt_0123456789abcdefghjkmnpqrs"),
            Err(InvalidEventId::Reserved)
        );
    }
}
