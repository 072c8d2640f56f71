//! End-to-end tests: the binary as it is shipped, real HTTP, real files, real receivers.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "what a test sets up wrongly fails it, and what it measured is told"
)]

mod api_document;
mod backup;
mod batches;
mod clients;
mod commands;
mod demo;
mod harness;
mod kill;
mod layers;
mod main_job;
mod metrics;
mod moving;
mod nodes;
mod official_libraries;
mod order;
mod outages;
mod postgres;
mod power_loss;
mod restart;
mod start;
mod stop;
mod store_trouble;
mod svix;
