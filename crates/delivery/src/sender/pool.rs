//! Connections that wait for their next request.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::http1::Http1;
use super::http2::Http2;
use super::origin::Origin;

/// How often those are let go that were closed by the other side or have waited too long.
const SWEEP: Duration = Duration::from_secs(5);

/// A connection that can take a request.
pub(super) enum Line {
    /// For this request alone.
    Http1(Box<Http1>),
    /// Beside others.
    Http2(Arc<Http2>),
}

/// What is kept, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keeping {
    pub(super) idle_timeout: Duration,
    pub(super) max_age: Duration,
    /// Of HTTP/1.1, for each origin, once a burst is over.
    pub(super) max_idle: usize,
}

/// Connections by origin. How many there are is bounded by what the sender gives back: while a burst to an
/// origin lasts, all that it needs are kept, for to make them anew with each event costs more than the
/// requests themselves.
pub(super) struct Pool {
    keeping: Keeping,
    origins: Mutex<HashMap<Origin, Kept>>,
}

#[derive(Default)]
struct Kept {
    /// The one that was used last stands last, and is used next.
    http1: Vec<(Box<Http1>, Instant)>,
    /// With the time of its last use.
    http2: Option<(Arc<Http2>, Instant)>,
}

impl Pool {
    /// An empty one, swept while anybody holds it. Needs a runtime.
    pub(super) fn new(keeping: Keeping) -> Arc<Self> {
        let pool = Arc::new(Self {
            keeping,
            origins: Mutex::default(),
        });
        tokio::spawn(sweep(Arc::downgrade(&pool)));
        pool
    }

    /// A connection to an origin; it may have been closed by the other side.
    pub(super) fn take(&self, origin: &Origin) -> Option<Line> {
        let mut origins = self.origins.lock();
        let kept = origins.get_mut(origin)?;
        let now = Instant::now();
        if let Some((shared, used)) = &mut kept.http2 {
            if shared.is_free() && now - shared.made < self.keeping.max_age {
                *used = now;
                return Some(Line::Http2(Arc::clone(shared)));
            }
            kept.http2 = None;
        }
        while let Some((connection, since)) = kept.http1.pop() {
            if now - since < self.keeping.idle_timeout {
                return Some(Line::Http1(connection));
            }
            connection.close();
        }
        None
    }

    /// Takes a connection back that carries nothing; one that is too old is closed.
    pub(super) fn give_back(&self, connection: Box<Http1>) {
        let now = Instant::now();
        let kept_none = self.keeping.max_idle == 0;
        if kept_none || now - connection.made >= self.keeping.max_age {
            connection.close();
            return;
        }
        let mut origins = self.origins.lock();
        if let Some(kept) = origins.get_mut(&connection.origin) {
            kept.http1.push((connection, now));
            return;
        }
        let origin = connection.origin.clone();
        let kept = origins.entry(origin).or_default();
        kept.http1.push((connection, now));
    }

    /// Lets others send over a new connection too; answers the one to be used, which is another
    /// where one was made at the same time.
    pub(super) fn share(&self, origin: Origin, connection: Http2) -> Arc<Http2> {
        let now = Instant::now();
        let mut origins = self.origins.lock();
        let kept = origins.entry(origin).or_default();
        match &kept.http2 {
            Some((other, _)) if other.is_free() => Arc::clone(other),
            _ => {
                let connection = Arc::new(connection);
                kept.http2 = Some((Arc::clone(&connection), now));
                connection
            }
        }
    }

    fn sweep(&self) {
        let now = Instant::now();
        let keeping = self.keeping;
        let mut gone = Vec::new();
        let mut origins = self.origins.lock();
        origins.retain(|_, kept| {
            let all = std::mem::take(&mut kept.http1);
            let surplus = all.len().saturating_sub(keeping.max_idle);
            for (place, (mut connection, since)) in all.into_iter().enumerate() {
                // Those that stand first were not needed for the longest time.
                let patience = if place < surplus {
                    keeping.idle_timeout.min(SWEEP)
                } else {
                    keeping.idle_timeout
                };
                if now - since < patience && connection.is_free_now() {
                    kept.http1.push((connection, since));
                } else {
                    gone.push(connection);
                }
            }
            if let Some((shared, used)) = &kept.http2 {
                let in_use = Arc::strong_count(shared) > 1;
                let wanted = in_use || now - *used < keeping.idle_timeout;
                if !wanted || !shared.is_free() {
                    kept.http2 = None;
                }
            }
            !kept.http1.is_empty() || kept.http2.is_some()
        });
        drop(origins);
        gone.into_iter().for_each(|connection| connection.close());
    }
}

async fn sweep(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let Some(pool) = pool.upgrade() else { return };
        pool.sweep();
    }
}
