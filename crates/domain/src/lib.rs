//! Nouns and decisions of Fanfare.
//!
//! Everything here is a value or a pure function: no I/O, no async, no clock, no randomness of its
//! own. What needs the time or chance takes it as an argument, so that every rule can be tested as
//! a table.

pub mod address;
pub mod attempt;
pub mod batch;
pub mod breaker;
pub mod delivery;
pub mod endpoint;
pub mod environment;
pub mod event;
pub mod event_type;
pub mod fault;
pub mod header;
pub mod id;
pub mod job;
pub mod key;
pub mod name;
pub mod order;
pub mod policy;
pub mod quota;
pub mod rate;
pub mod secret;
pub mod signature;
pub mod target_url;
pub mod time;
