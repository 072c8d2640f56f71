//! The sender over real sockets, against scripted receivers and name servers.

#![expect(clippy::unwrap_used, reason = "what a test sets up wrongly fails it")]

mod addresses;
mod answers;
mod bounds;
mod failures;
mod names;
mod pool;
mod release;
mod rig;
mod tls;
