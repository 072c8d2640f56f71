//! Batches: several events of an endpoint in one request.
//!
//! A batch is named after the delivery that leads it: its id has the bits of that one's. The place of a
//! member stands in the lowest 16 bits, where a delivery's id has none, so that the members of a batch
//! are one range of numbers, in their order.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{BatchId, DeliveryId};

/// How an endpoint's events are put together: a batch is sent when it has so many, or when its first has
/// waited for so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batching {
    /// The most events of a batch.
    pub max_events: u16,
    /// The longest that an event waits for others, in milliseconds.
    pub max_wait_ms: u32,
}

/// Why a batching can't be taken: the member, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{member} {detail}")]
pub struct InvalidBatching {
    /// The member of the batching.
    pub member: &'static str,
    /// What would be right.
    pub detail: &'static str,
}

impl Batching {
    /// The most events that a batch may be allowed to have.
    pub const MAX_EVENTS: u16 = 100;
    /// The longest that an event may be allowed to wait for others.
    pub const MAX_WAIT: Duration = Duration::from_secs(60);
    /// The most bytes of data in a batch; one event that has more is a batch of its own.
    pub const MAX_BYTES: usize = 1024 * 1024;

    /// With this wait, in whole milliseconds.
    #[must_use]
    pub fn new(max_events: u16, max_wait: Duration) -> Self {
        Self {
            max_events,
            max_wait_ms: u32::try_from(max_wait.as_millis()).unwrap_or(u32::MAX),
        }
    }

    /// The longest that an event waits for others.
    #[must_use]
    pub fn max_wait(&self) -> Duration {
        Duration::from_millis(self.max_wait_ms.into())
    }

    /// Everything that is wrong with it.
    #[must_use]
    pub fn faults(&self) -> Vec<InvalidBatching> {
        let mut faults = Vec::new();
        let mut fault = |member, detail| faults.push(InvalidBatching { member, detail });
        if !(2..=Self::MAX_EVENTS).contains(&self.max_events) {
            fault("max_events", "must be from 2 to 100");
        }
        if self.max_wait_ms == 0 || self.max_wait() > Self::MAX_WAIT {
            fault("max_wait", "must be from 1ms to 1m");
        }
        faults
    }
}

/// A delivery's place in a batch. It is given once and never taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InBatch(u128);

impl InBatch {
    /// The `place`-th of a batch, counted from 0.
    #[must_use]
    pub const fn new(batch: BatchId, place: u16) -> Self {
        Self(batch.bits() | place as u128)
    }

    /// The batch.
    #[must_use]
    pub const fn batch(self) -> BatchId {
        BatchId::from_bits(self.0 & !0xFFFF)
    }

    /// The place.
    #[must_use]
    pub const fn place(self) -> u16 {
        (self.0 & 0xFFFF) as u16
    }

    /// In network order, so that byte strings sort by batch and place.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Takes what [`InBatch::to_bytes`] gave.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

impl BatchId {
    /// The batch that a delivery leads. A delivery leads one at most, since it is bound once.
    #[must_use]
    pub const fn led_by(lead: DeliveryId) -> Self {
        Self::from_bits(lead.bits() & !0xFFFF)
    }

    /// The first and the last place of a batch.
    #[must_use]
    pub const fn places(self) -> (InBatch, InBatch) {
        (InBatch::new(self, 0), InBatch::new(self, u16::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::EventId;
    use crate::time::Timestamp;

    #[test]
    fn members_of_a_batch_are_one_range_in_their_order() {
        let lead = EventId::new(Timestamp::from_millis(1_790_000_000_123), 0xABCD).delivery(3);
        let batch = BatchId::led_by(lead);
        let (first, last) = batch.places();
        let members: Vec<_> = (0..100).map(|place| InBatch::new(batch, place)).collect();
        assert!(members.is_sorted() && members[0] == first && members[99] < last);
        assert!(members.iter().all(|member| member.batch() == batch));
        assert_eq!(members[7].place(), 7);
        assert_eq!(InBatch::from_bytes(last.to_bytes()), last);
        let next = BatchId::led_by(lead.event().delivery(4));
        assert!(next.places().0 > last);
    }

    #[test]
    fn what_can_not_be_kept_is_refused_with_the_member() {
        let members = |max_events, max_wait_ms| -> Vec<_> {
            let batching = Batching {
                max_events,
                max_wait_ms,
            };
            batching.faults().iter().map(|fault| fault.member).collect()
        };
        assert!(members(2, 1).is_empty() && members(100, 60_000).is_empty());
        assert_eq!(members(1, 60_001), ["max_events", "max_wait"]);
        assert_eq!(members(101, 0), ["max_events", "max_wait"]);
        let longest = Batching::new(2, Duration::MAX);
        assert_eq!(longest.faults().len(), 1);
    }
}
