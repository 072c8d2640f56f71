//! Chance, as an argument.

/// Gives chance. The one of the binary is seeded by the operating system, that of tests by a number.
pub trait Random: Send + Sync + 'static {
    /// 64 bits, for ids and jitter; need not be secret.
    fn bits(&self) -> u64;

    /// Fills `bytes` with chance that can't be guessed, for keys and secrets.
    fn secret(&self, bytes: &mut [u8; 32]);
}

/// A number from 0 to below 1 out of 64 bits.
#[must_use]
pub fn unit(bits: u64) -> f64 {
    // 53 bits are what a double holds exactly.
    (bits >> 11) as f64 / (1u64 << 53) as f64
}
