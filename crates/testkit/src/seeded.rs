//! Chance that a number decides.

use std::sync::atomic::{AtomicU64, Ordering};

use fanfare_app::port::Random;

/// Gives the same chance for the same seed, in the order of the calls (SplitMix64).
#[derive(Debug)]
pub struct Seeded(AtomicU64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Seeded {
    /// Begins with a seed; neighbouring seeds give unlike chance.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// 64 bits.
    pub fn next(&self) -> u64 {
        let mut bits = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Whether something of this likelihood (from 0 to 1) happens.
    pub fn chance(&self, likelihood: f64) -> bool {
        fanfare_app::port::random::unit(self.next()) < likelihood
    }

    /// One of a list, which must not be empty.
    pub fn pick<'a, T>(&self, list: &'a [T]) -> &'a T {
        &list[usize::try_from(self.below(list.len() as u64)).unwrap_or(0)]
    }
}

impl Random for Seeded {
    fn bits(&self) -> u64 {
        self.next()
    }

    fn secret(&self, bytes: &mut [u8; 32]) {
        for part in bytes.chunks_exact_mut(8) {
            part.copy_from_slice(&self.next().to_be_bytes());
        }
    }
}
