//! The native API over the real use cases and a real store. Only the network is not there.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers, whose failures are the test's"
)]

mod access;
mod batch;
mod batching;
mod bodies;
mod configuration;
mod filters;
mod jobs;
mod lists;
mod lookups;
mod publishing;
mod quotas;
mod random_bodies;
mod world;
