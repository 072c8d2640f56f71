//! What arrived: kept in a bounded buffer, or handed to an observer and forgotten.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Version};
use parking_lot::Mutex;
use tokio::sync::watch;

/// A test that waits this long for what never comes fails; nothing that passes waits so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// When its last byte had been read.
    pub at: Instant,
    /// The method.
    pub method: Method,
    /// The path, with the query where there is one.
    pub path: String,
    /// HTTP/1.1 or HTTP/2.
    pub version: Version,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body, byte for byte.
    pub body: Bytes,
    /// Which connection brought it: 0 for the first that was accepted.
    pub connection: u64,
    /// Where that connection came from.
    pub peer: SocketAddr,
    /// The status of the answer that it is about to get; none where that never comes, hangs or breaks off.
    pub answer: Option<u16>,
}

impl Arrival {
    /// The header's first value, where it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Called with each request before it is answered; must not block.
pub type Observer = Arc<dyn Fn(Arrival) + Send + Sync>;

pub(super) enum Sink {
    /// At `bound` the newest is counted but not kept.
    Keep {
        kept: Mutex<Vec<Arrival>>,
        bound: usize,
        count: watch::Sender<usize>,
    },
    Observe {
        observer: Observer,
        count: AtomicU64,
    },
}

impl Sink {
    pub(super) fn keep(bound: usize) -> Self {
        Self::Keep {
            kept: Mutex::default(),
            bound,
            count: watch::Sender::new(0),
        }
    }

    pub(super) fn observe(observer: Observer) -> Self {
        Self::Observe {
            observer,
            count: AtomicU64::new(0),
        }
    }

    pub(super) fn take(&self, arrival: Arrival) {
        match self {
            Self::Observe { observer, count } => {
                observer(arrival);
                count.fetch_add(1, Ordering::Relaxed);
            }
            Self::Keep { kept, bound, count } => {
                let mut kept = kept.lock();
                if kept.len() < *bound {
                    kept.push(arrival);
                }
                drop(kept);
                count.send_modify(|count| *count += 1);
            }
        }
    }

    pub(super) fn count(&self) -> u64 {
        match self {
            Self::Observe { count, .. } => count.load(Ordering::Relaxed),
            Self::Keep { count, .. } => *count.borrow() as u64,
        }
    }

    pub(super) fn kept(&self) -> Vec<Arrival> {
        match self {
            Self::Observe { .. } => Vec::new(),
            Self::Keep { kept, .. } => kept.lock().clone(),
        }
    }

    /// What is kept, once this many have arrived since the start.
    pub(super) async fn wait_for(&self, wanted: usize) -> Vec<Arrival> {
        let Self::Keep { count, .. } = self else {
            panic!("a receiver with an observer keeps nothing to wait for");
        };
        let mut arrived = count.subscribe();
        let enough = arrived.wait_for(|arrived| *arrived >= wanted);
        let in_time = tokio::time::timeout(PATIENCE, enough).await.is_ok();
        let kept = self.kept();
        assert!(
            in_time,
            "{wanted} requests expected, {} arrived in {PATIENCE:?}: {:?}",
            self.count(),
            kept.iter().map(|arrival| &arrival.path).collect::<Vec<_>>(),
        );
        kept
    }
}
