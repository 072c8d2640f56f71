//! Deliveries of the dialects: real ones over TLS, checked by verifiers in another language, and the
//! course of retries, rotations and pauses in virtual time.
//!
//! A test of a dialect begins with a world: [`real::Real`] has the engine, the network, SQLite and a
//! receiver; [`virtual_time::Virtual`] has the engine over a store in memory, a scripted network, and
//! time that passes when nothing else is to do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "an error is a failure of the test"
)]

mod call;
mod collect;
mod collect_trouble;
mod fullstory;
mod fullstory_trouble;
mod konpro;
mod konpro_check;
mod nursa;
mod nursa_log;
mod properties;
mod real;
mod trouble;
mod verifier;
mod virtual_time;
mod weak;
