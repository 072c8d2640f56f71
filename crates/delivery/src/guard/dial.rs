//! What is known of a connection while it is made, and after.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::time::Duration;

use futures_util::task::AtomicWaker;
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

/// One connection: how far it is, to where, how long the parts took, and whether it is wanted.
#[derive(Debug)]
pub(crate) struct Dial {
    started: Instant,
    progress: Mutex<Progress>,
    /// Several requests at a time go over it: HTTP/2.
    many: AtomicBool,
    /// The other side takes no more bytes for now.
    blocked: AtomicBool,
    given_up: AtomicBool,
    /// The task that reads and writes.
    task: AtomicWaker,
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
            many: AtomicBool::new(false),
            blocked: AtomicBool::new(false),
            given_up: AtomicBool::new(false),
            task: AtomicWaker::new(),
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

    pub(super) fn carries_many(&self) {
        self.many.store(true, Ordering::Relaxed);
    }

    pub(super) fn set_blocked(&self, blocked: bool) {
        self.blocked.store(blocked, Ordering::Relaxed);
    }

    /// Whether bytes wait to be written, which the other side does not take.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed)
    }

    /// Ends the connection now, whatever is still to be written, unless others' requests go over it
    /// too.
    pub(crate) fn give_up(&self) {
        if !self.many.load(Ordering::Relaxed) {
            self.given_up.store(true, Ordering::Release);
            self.task.wake();
        }
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Acquire)
    }

    /// Whether it is given up by now; where not, `waker` is woken when it is.
    pub(super) fn is_given_up_later(&self, waker: &Waker) -> bool {
        self.task.register(waker);
        self.is_given_up()
    }
}
