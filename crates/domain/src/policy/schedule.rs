//! When attempts are made.

use std::time::Duration;

/// The wait before each attempt, counted from the failure before it.
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    /// One wait for each attempt; the first stands before the first attempt.
    Waits(Vec<Duration>),
    /// The first attempt at once, then waits that double up to a limit; the policy's total time ends it.
    Doubling {
        /// The wait before the second attempt.
        first: Duration,
        /// The longest wait.
        limit: Duration,
    },
}

impl Schedule {
    /// The wait before attempt `number`, counted from 1; none when there is no such attempt.
    #[must_use]
    pub fn wait(&self, number: u16) -> Option<Duration> {
        match self {
            Self::Waits(waits) => waits.get(usize::from(number).checked_sub(1)?).copied(),
            Self::Doubling { .. } if number <= 1 => Some(Duration::ZERO),
            Self::Doubling { first, limit } => {
                let factor = 1u32.checked_shl(u32::from(number - 2)).unwrap_or(u32::MAX);
                Some(first.saturating_mul(factor).min(*limit))
            }
        }
    }

    /// All waits between the first attempt and the last together; none where it has no last one.
    #[must_use]
    pub fn whole(&self) -> Option<Duration> {
        match self {
            Self::Waits(waits) => Some(waits.iter().skip(1).sum()),
            Self::Doubling { .. } => None,
        }
    }
}
