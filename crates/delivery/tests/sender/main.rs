//! The sender over real sockets, against scripted receivers and name servers.

mod addresses;
mod answers;
mod bounds;
mod failures;
mod names;
mod pool;
mod release;
mod rig;
mod tls;
