//! What is known of a connection while it is made.

use std::net::SocketAddr;
use std::time::Duration;

use parking_lot::Mutex;

/// How far a request is on its way to a connection. It stands outside of what connects, so that a
/// request whose time runs out still knows.
#[derive(Debug, Default)]
pub(crate) struct Dial(Mutex<Progress>);

/// What is known so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) stage: Stage,
    pub(crate) address: Option<SocketAddr>,
    pub(crate) lookup: Option<Duration>,
    pub(crate) connect: Option<Duration>,
    pub(crate) tls: Option<Duration>,
}

/// What is being done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    #[default]
    Lookup,
    Connect,
    Tls,
    Connected,
}

impl Dial {
    pub(crate) fn update(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.0.lock());
    }

    pub(crate) fn progress(&self) -> Progress {
        *self.0.lock()
    }

    /// A connection was there already: no part of making one took time.
    pub(crate) fn was_made_before(&self, address: SocketAddr) {
        *self.0.lock() = Progress {
            stage: Stage::Connected,
            address: Some(address),
            ..Progress::default()
        };
    }
}
