//! The engine in virtual time: the real engine and use cases over a store in memory and a scripted
//! network.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "an error is a failure of the test"
)]

mod batches;
mod breaker;
mod cancelling;
mod crash;
mod endpoint_state;
mod extra_and_replay;
mod failing;
mod lanes;
mod long_run;
mod operational;
mod order;
mod overflow;
mod quotas;
mod recording;
mod recovery;
mod retries;
mod slots;
mod slowing;
mod store_away;
mod taken_over;
mod time;
mod world;
