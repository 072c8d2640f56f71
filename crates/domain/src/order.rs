//! The order in which an endpoint gets its deliveries.
//!
//! The log's position is the order: it is given with the commit, so an event whose publisher had its
//! answer before another was published stands before that one, whatever the wall clock does. A
//! *strand* is a line of deliveries that go one at a time: all of an endpoint with strict order, those
//! of one key with order by key.

use serde::{Deserialize, Serialize};

/// In which order an endpoint gets its deliveries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ordering {
    /// Several at a time, in no order.
    #[default]
    Unordered,
    /// Those of events with the same `ordering_key` one at a time and in order; others pass them. Those
    /// of events without a key stand in no order.
    ByKey,
    /// One at a time, all in order.
    Strict,
}

/// What becomes of a strand when its first delivery fails for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// The next one goes.
    #[default]
    Pass,
    /// It stops, until somebody skips the failed one or a replay of it arrives.
    Hold,
}

/// A line of deliveries that go one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Strand(i64);

/// The most bytes of an ordering key.
pub const MAX_ORDERING_KEY: usize = 256;

impl Strand {
    /// All of an endpoint.
    pub const WHOLE: Self = Self(0);
    /// The last in the order of their numbers.
    pub const LAST: Self = Self(i64::MAX);

    /// The deliveries with this key. Two keys may share a strand, as likely as one in 2⁶⁴: they then
    /// wait for each other, and nothing else changes.
    #[must_use]
    pub fn of_key(key: &str) -> Self {
        // FNV-1a: short, and the same on every machine and in every version, since rows hold it.
        let hash = key.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        });
        Self(if hash == 0 { 1 } else { hash.cast_signed() })
    }

    /// The number that rows hold.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }

    /// Takes what [`Strand::number`] gave.
    #[must_use]
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }
}

/// Where a delivery stands in the order of its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Its event's position in the log.
    pub position: i64,
    /// The strand that it is of; none for one that stands outside the order: without a key where the order
    /// is by key, or of an event for a later time.
    pub strand: Option<Strand>,
    /// Whether it failed and holds its strand.
    pub holds: bool,
}

impl Ordering {
    /// The turn of an event's first delivery under this ordering; none where there is no order.
    #[must_use]
    pub fn turn(self, position: i64, key: Option<&str>) -> Option<Turn> {
        let strand = match self {
            Self::Unordered => return None,
            Self::ByKey => key.map(Strand::of_key),
            Self::Strict => Some(Strand::WHOLE),
        };
        Some(Turn {
            position,
            strand,
            holds: false,
        })
    }

    /// Whether a first delivery may have this turn under this ordering. One that has a position and no
    /// strand stands outside the order on purpose, whatever the ordering.
    #[must_use]
    pub fn fits(self, turn: Option<Turn>) -> bool {
        match (self, turn) {
            (Self::Unordered, turn) => turn.and_then(|turn| turn.strand).is_none(),
            (_, None) => false,
            (_, Some(Turn { strand: None, .. })) => true,
            (ordering, Some(Turn { strand, .. })) => {
                (strand == Some(Strand::WHOLE)) == (ordering == Self::Strict)
            }
        }
    }

    /// Its name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unordered => "unordered",
            Self::ByKey => "by_key",
            Self::Strict => "strict",
        }
    }
}

impl Turn {
    /// The turn of one that stands outside the order.
    #[must_use]
    pub const fn outside(position: i64) -> Self {
        Self {
            position,
            strand: None,
            holds: false,
        }
    }
}

impl OnFailure {
    /// Its name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Hold => "hold",
        }
    }
}

/// The text can't be an ordering key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MAX_ORDERING_KEY} bytes long")]
pub struct InvalidOrderingKey;

/// Checks an event's ordering key.
///
/// # Errors
/// When it is empty or too long.
pub fn check_ordering_key(text: &str) -> Result<(), InvalidOrderingKey> {
    if (1..=MAX_ORDERING_KEY).contains(&text.len()) {
        Ok(())
    } else {
        Err(InvalidOrderingKey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keys_strand_never_changes_and_is_not_that_of_all() {
        // The published test vectors of FNV-1a with 64 bits.
        assert_eq!(
            Strand::of_key("").number().cast_unsigned(),
            0xCBF2_9CE4_8422_2325
        );
        assert_eq!(
            Strand::of_key("a").number().cast_unsigned(),
            0xAF63_DC4C_8601_EC8C
        );
        assert_eq!(
            Strand::of_key("foobar").number().cast_unsigned(),
            0x8594_4171_F739_67E8
        );
        assert_ne!(Strand::of_key("a"), Strand::WHOLE);
    }

    #[test]
    fn a_turn_follows_from_the_ordering() {
        let strand = |ordering: Ordering, key| ordering.turn(7, key).map(|turn| turn.strand);
        assert_eq!(strand(Ordering::Unordered, Some("a")), None);
        assert_eq!(strand(Ordering::ByKey, None), Some(None));
        assert_eq!(
            strand(Ordering::ByKey, Some("a")),
            Some(Some(Strand::of_key("a")))
        );
        assert_eq!(
            strand(Ordering::Strict, Some("a")),
            Some(Some(Strand::WHOLE))
        );
    }

    #[test]
    fn a_turn_fits_the_ordering_that_it_was_made_for_and_one_outside_fits_each() {
        let all = [Ordering::Unordered, Ordering::ByKey, Ordering::Strict];
        let fits = |turn: Option<Turn>| all.map(|ordering| ordering.fits(turn));
        assert_eq!(fits(None), [true, false, false]);
        assert_eq!(
            fits(Ordering::ByKey.turn(7, Some("a"))),
            [false, true, false]
        );
        assert_eq!(
            fits(Ordering::Strict.turn(7, Some("a"))),
            [false, false, true]
        );
        assert_eq!(fits(Some(Turn::outside(7))), [true, true, true]);
    }
}
