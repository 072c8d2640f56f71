//! The sender over real sockets, against scripted receivers and name servers.

mod answers;
mod rig;
