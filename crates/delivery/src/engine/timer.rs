//! The timer: wakes lanes when the store holds something due for them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use fanfare_domain::id::EndpointId;
use fanfare_domain::time::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Shared;
use super::refill;

/// The longest sleep: the calendar's clock may be set meanwhile.
const LONGEST: Duration = Duration::from_secs(30);

/// When lanes want to be woken. An entry is made only when a lane's next time comes nearer, so there
/// are few for each lane.
#[derive(Debug, Default)]
pub(super) struct Timer {
    entries: Mutex<BinaryHeap<Reverse<(Timestamp, EndpointId)>>>,
    sooner: Notify,
}

impl Timer {
    /// Wakes a lane then.
    pub(super) fn set(&self, at: Timestamp, endpoint: EndpointId) {
        let mut entries = self.entries.lock();
        let first = entries.peek().is_none_or(|Reverse((first, _))| at < *first);
        entries.push(Reverse((at, endpoint)));
        drop(entries);
        if first {
            self.sooner.notify_one();
        }
    }

    /// The next lane to wake now, or how long to sleep.
    fn pop(&self, now: Timestamp) -> Result<EndpointId, Duration> {
        let mut entries = self.entries.lock();
        match entries.peek() {
            Some(Reverse((at, _))) if *at > now => Err(at.since(now).min(LONGEST)),
            Some(_) => entries
                .pop()
                .map(|Reverse((_, endpoint))| endpoint)
                .ok_or(LONGEST),
            None => Err(LONGEST),
        }
    }
}

/// Wakes lanes until the engine stops.
pub(super) async fn run(shared: Arc<Shared>) {
    while !shared.stopping() {
        match shared.timer.pop(shared.parts.clock.now()) {
            Ok(endpoint) => {
                if let Some(lane) = shared.lanes.find(endpoint) {
                    refill::kick(&shared, &lane);
                }
            }
            Err(sleep) => {
                let _ = tokio::time::timeout(sleep, shared.timer.sooner.notified()).await;
            }
        }
    }
}
