//! What is known of a connection while it is made, and after.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

tokio::task_local! {
    /// The connection that the request of this task has begun to make, if any.
    ///
    /// The pool hands a connector nothing but the origin. This is how a request whose time runs out
    /// still learns how far its connection came, and how it tells a connection that was made for
    /// it from one that was there.
    pub(crate) static DIAL: RefCell<Option<Arc<Dial>>>;
}

/// One connection: how far it is, to where, and how long the parts took.
#[derive(Debug)]
pub(crate) struct Dial {
    started: Instant,
    progress: Mutex<Progress>,
}

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
    /// Begins one, and leaves it where the request of this task finds it.
    pub(super) fn begin() -> Arc<Self> {
        let dial = Arc::new(Self {
            started: Instant::now(),
            progress: Mutex::default(),
        });
        // Outside of a request there is nobody to tell.
        let _ = DIAL.try_with(|current| current.replace(Some(dial.clone())));
        dial
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.progress.lock());
    }

    pub(crate) fn progress(&self) -> Progress {
        *self.progress.lock()
    }

    /// How long ago it was begun.
    pub(crate) fn age(&self) -> Duration {
        self.started.elapsed()
    }
}
