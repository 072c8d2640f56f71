//! The simulation's own tests: seeds, the same run for the same seed, and every mutant found.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "an error is a failure of the test"
)]

mod fleet;
mod mutants;
mod seeds;
