//! Identifiers: 128 bits, sortable by time, shown with a prefix that names the kind.
//!
//! The bits of an event's id are `time (48, milliseconds) | chance (48) | 0 (16) | 0 (16)`. The id of
//! the delivery to the event's n-th target adds n in the third part, the id of a delivery's n-th
//! attempt adds n in the fourth. So an attempt names its delivery, and a first delivery its event,
//! without a look-up and before any row of them exists.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::time::Timestamp;

/// Lower-case Crockford base 32: sorts like the number, and has no letters that look alike.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters that 128 bits take in base 32.
const TEXT_LENGTH: usize = 26;

/// The most targets that one event can have, since a delivery's place is 16 bits of its id.
pub const MAX_TARGETS: usize = u16::MAX as usize - 1;

/// The text was no identifier of the kind that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {prefix}_ and 26 characters")]
pub struct InvalidId {
    /// The prefix that such an id has.
    pub prefix: &'static str,
}

fn encode(value: u128, out: &mut [u8; TEXT_LENGTH]) {
    for (place, byte) in out.iter_mut().enumerate() {
        let shift = 5 * (TEXT_LENGTH - 1 - place);
        *byte = ALPHABET[((value >> shift) & 31) as usize];
    }
}

fn decode(text: &[u8]) -> Option<u128> {
    if text.len() != TEXT_LENGTH {
        return None;
    }
    let mut value: u128 = 0;
    for (place, byte) in text.iter().enumerate() {
        let digit = ALPHABET.iter().position(|letter| letter == byte)? as u128;
        // 26 characters hold 130 bits; the first may use three of its five only.
        if place == 0 && digit > 7 {
            return None;
        }
        value = (value << 5) | digit;
    }
    Some(value)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// What the text form begins with, before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Takes the 128 bits as they are.
            #[must_use]
            pub const fn from_bits(bits: u128) -> Self {
                Self(bits)
            }

            /// The 128 bits.
            #[must_use]
            pub const fn bits(self) -> u128 {
                self.0
            }

            /// The bits in network order, so that byte strings sort like ids.
            #[must_use]
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }

            /// Takes what [`Self::to_bytes`] gave.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(u128::from_be_bytes(bytes))
            }

            /// When it was made, to the millisecond.
            #[must_use]
            pub const fn made_at(self) -> Timestamp {
                Timestamp::from_millis((self.0 >> 80) as i64)
            }

            /// Reads the text form.
            ///
            /// # Errors
            /// When the prefix, the length or a character is not that of such an id.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(|rest| decode(rest.as_bytes()))
                    .map(Self)
                    .ok_or(InvalidId { prefix: $prefix })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0; TEXT_LENGTH];
                encode(self.0, &mut text);
                f.write_str(concat!($prefix, "_"))?;
                f.write_str(std::str::from_utf8(&text).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::parse(&text).map_err(de::Error::custom)
            }
        }
    };
}

id!(
    /// Names an event, `evt_…`.
    EventId,
    "evt"
);
id!(
    /// Names a delivery, `dlv_…`.
    DeliveryId,
    "dlv"
);
id!(
    /// Names an attempt, `att_…`.
    AttemptId,
    "att"
);
id!(
    /// Names a batch, `bat_…`; see [`crate::batch`].
    BatchId,
    "bat"
);
id!(
    /// Names an endpoint, `ep_…`.
    EndpointId,
    "ep"
);
id!(
    /// Names a job, `job_…`.
    JobId,
    "job"
);
id!(
    /// Names a key, `key_…`. It is not the key itself.
    KeyId,
    "key"
);

/// Time above, chance below: the upper 96 bits of every id, with 32 bits of zeros.
fn fresh(now: Timestamp, chance: u64) -> u128 {
    let millis = (now.millis() as u128) & 0xFFFF_FFFF_FFFF;
    (millis << 80) | ((u128::from(chance) & 0xFFFF_FFFF_FFFF) << 32)
}

impl EventId {
    /// Makes one from the time and 48 bits of chance (the lower ones of `chance`).
    #[must_use]
    pub fn new(now: Timestamp, chance: u64) -> Self {
        Self(fresh(now, chance))
    }

    /// The id of this event's delivery to its `place`-th target, counted from 0.
    #[must_use]
    pub const fn delivery(self, place: u16) -> DeliveryId {
        DeliveryId(self.0 | ((place as u128 + 1) << 16))
    }
}

impl DeliveryId {
    /// Makes one for a replay, which is none of the first deliveries of any event.
    #[must_use]
    pub fn for_replay(now: Timestamp, chance: u64) -> Self {
        EventId::new(now, chance).delivery(0)
    }

    /// The event whose first delivery this would be. A replay's row names its event instead.
    #[must_use]
    pub const fn event(self) -> EventId {
        EventId(self.0 & !0xFFFF_FFFF)
    }

    /// Which target of [`Self::event`] this goes to, counted from 0.
    #[must_use]
    pub const fn place(self) -> Option<u16> {
        (((self.0 >> 16) & 0xFFFF) as u16).checked_sub(1)
    }

    /// The id of this delivery's `number`-th attempt, counted from 1.
    #[must_use]
    pub const fn attempt(self, number: u16) -> AttemptId {
        AttemptId(self.0 | number as u128)
    }
}

impl AttemptId {
    /// The delivery that this is an attempt of.
    #[must_use]
    pub const fn delivery(self) -> DeliveryId {
        DeliveryId(self.0 & !0xFFFF)
    }

    /// Which attempt of its delivery this is, counted from 1.
    #[must_use]
    pub const fn number(self) -> u16 {
        (self.0 & 0xFFFF) as u16
    }
}

impl EndpointId {
    /// Makes one from the time and 48 bits of chance.
    #[must_use]
    pub fn new(now: Timestamp, chance: u64) -> Self {
        Self(fresh(now, chance))
    }
}

impl JobId {
    /// Makes one from the time and 48 bits of chance.
    #[must_use]
    pub fn new(now: Timestamp, chance: u64) -> Self {
        Self(fresh(now, chance))
    }
}

impl KeyId {
    /// Makes one from the time and 48 bits of chance.
    #[must_use]
    pub fn new(now: Timestamp, chance: u64) -> Self {
        Self(fresh(now, chance))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_attempt_names_its_delivery_and_a_delivery_its_event() {
        let event = EventId::new(Timestamp::from_millis(1_790_000_000_123), 0xABCD_EF01_2345);
        let delivery = event.delivery(7);
        let attempt = delivery.attempt(3);
        assert_eq!(attempt.delivery(), delivery);
        assert_eq!(attempt.number(), 3);
        assert_eq!(delivery.event(), event);
        assert_eq!(delivery.place(), Some(7));
        assert_eq!(event.made_at().millis(), 1_790_000_000_123);
    }

    #[test]
    fn another_kinds_id_is_refused() {
        let event = EventId::new(Timestamp::from_millis(1), 1).to_string();
        assert!(EndpointId::parse(&event).is_err());
        for text in [
            "",
            "evt_",
            "evt_0",
            "evt_z0000000000000000000000000",
            "evt_0000000000000000000000000u",
        ] {
            assert!(EventId::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_text_form_sorts_like_the_bits_and_reads_back(a: u128, b: u128) {
            let (x, y) = (EventId::from_bits(a), EventId::from_bits(b));
            prop_assert_eq!(EventId::parse(&x.to_string()).unwrap(), x);
            prop_assert_eq!(x.to_string().cmp(&y.to_string()), a.cmp(&b));
            prop_assert_eq!(x.to_bytes().cmp(&y.to_bytes()), a.cmp(&b));
        }
    }
}
