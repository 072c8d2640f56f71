//! The store on a real PostgreSQL; see `fanfare_testkit::postgres` for where that is.

#![allow(clippy::unwrap_used, reason = "a test: an error is its failure")]

mod commits;
mod contract;
mod databases;
mod days;
mod horizon;
mod made;
mod members;
mod nodes;
mod opening;
mod outages;
mod owners;
mod plans;
mod tls;
mod wishes;
