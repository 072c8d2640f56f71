//! The guard: every connection of a delivery is made here, and to no forbidden address.
//!
//! # How it works
//!
//! The connector is asked for a connection to a URL's origin. It looks the name up (`names`), lets
//! the [`AddressPolicy`](fanfare_domain::address::AddressPolicy) decide on each address that came,
//! and connects to one of those that passed: to that very address, so that a second answer of the
//! name server changes nothing. A URL whose host is an address goes through the same decision. Then
//! comes TLS, for the name in the URL.
//!
//! The decision is made for each connection. A pooled connection keeps the address that was decided
//! on when it was made, and ages out.
//!
//! # What it takes from others
//!
//! Look-ups are bounded by name first and over all names second, so that a name that has answered
//! waits for none that hangs (`names` says how). Connections are not bounded across hosts, so that none waits for
//! another's: how many an endpoint uses is the concurrency of its lane, and how many are kept without
//! a request is the pool's bound. A connection that no request wants any more ends at once, and one
//! that takes no bytes ends after half a minute (`stream`).
//!
//! # What it does not do
//!
//! It has no opinion on ports, follows no proxy settings, and never turns certificate checks off.

mod connector;
mod dial;
mod failure;
mod names;
mod open;
mod stream;
mod target;
mod tcp;
mod tls;

pub(crate) use connector::{Connected, Connector};
pub(crate) use dial::{Dial, Stage};
pub(crate) use failure::ConnectFailure;
pub(crate) use names::{Names, NamesOptions};
pub(crate) use stream::Stream;
pub(crate) use tls::{client_config, describe_tls};

pub use tls::AuthorityError;
