//! The machine's chance.

use std::cell::Cell;

use fanfare_app::port::Random;
use ring::rand::SecureRandom;

/// Chance from the operating system; bits that need not be secret from a generator for each thread
/// that the operating system seeds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemRandom;

thread_local! {
    static GENERATOR: Cell<[u64; 4]> = Cell::new(seed());
}

#[expect(
    clippy::expect_used,
    reason = "a machine without chance can't sign or make keys, and never gets over it"
)]
fn fill(bytes: &mut [u8]) {
    ring::rand::SystemRandom::new()
        .fill(bytes)
        .expect("the operating system gives chance");
}

fn seed() -> [u64; 4] {
    std::array::from_fn(|_| {
        let mut bytes = [0; 8];
        fill(&mut bytes);
        u64::from_le_bytes(bytes)
    })
}

/// One step of xoshiro256++, by David Blackman and Sebastiano Vigna.
fn step(state: &mut [u64; 4]) -> u64 {
    let result = state[0]
        .wrapping_add(state[3])
        .rotate_left(23)
        .wrapping_add(state[0]);
    let shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = state[3].rotate_left(45);
    result
}

impl Random for SystemRandom {
    fn bits(&self) -> u64 {
        GENERATOR.with(|generator| {
            let mut state = generator.get();
            let bits = step(&mut state);
            generator.set(state);
            bits
        })
    }

    fn secret(&self, bytes: &mut [u8; 32]) {
        fill(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of the authors' reference code from the state 1, 2, 3, 4.
    #[test]
    fn the_generator_is_xoshiro256_plus_plus() {
        let mut state = [1, 2, 3, 4];
        let numbers: [u64; 3] = std::array::from_fn(|_| step(&mut state));
        assert_eq!(numbers, [41_943_041, 58_720_359, 3_588_806_011_781_223]);
    }

    #[test]
    fn each_thread_has_numbers_of_its_own() {
        let elsewhere = std::thread::spawn(|| SystemRandom.bits()).join().unwrap();
        assert_ne!(elsewhere, SystemRandom.bits());
    }
}
