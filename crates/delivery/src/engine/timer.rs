//! The timer: wakes lanes when the store holds something due for them, and when what they hold may be
//! sent again.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use fanfare_domain::id::EndpointId;
use fanfare_domain::time::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Shared;
use super::refill;
use super::worker;

/// The longest sleep: the calendar's clock may be set meanwhile.
const LONGEST: Duration = Duration::from_secs(30);

/// When lanes want to be woken: one entry for each lane that has work in the store, or may
/// not send yet.
#[derive(Debug, Default)]
pub(super) struct Timer {
    entries: Mutex<Entries>,
    sooner: Notify,
}

#[derive(Debug, Default)]
struct Entries {
    in_order: BTreeSet<(Timestamp, EndpointId)>,
    by_lane: HashMap<EndpointId, Timestamp>,
}

impl Timer {
    /// Wakes a lane then, unless it is woken before anyway.
    pub(super) fn set(&self, at: Timestamp, endpoint: EndpointId) {
        let mut entries = self.entries.lock();
        match entries.by_lane.get(&endpoint).copied() {
            Some(known) if known <= at => return,
            Some(known) => {
                entries.in_order.remove(&(known, endpoint));
            }
            None => {}
        }
        let first = entries
            .in_order
            .first()
            .is_none_or(|(first, _)| at < *first);
        entries.in_order.insert((at, endpoint));
        entries.by_lane.insert(endpoint, at);
        drop(entries);
        if first {
            self.sooner.notify_one();
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.entries.lock().in_order.len()
    }

    /// The next lane to wake now, or how long to sleep.
    fn pop(&self, now: Timestamp) -> Result<EndpointId, Duration> {
        let mut entries = self.entries.lock();
        match entries.in_order.first().copied() {
            Some((at, _)) if at > now => Err(at.since(now).min(LONGEST)),
            Some((at, endpoint)) => {
                entries.in_order.remove(&(at, endpoint));
                entries.by_lane.remove(&endpoint);
                Ok(endpoint)
            }
            None => Err(LONGEST),
        }
    }
}

/// Wakes lanes until the engine stops.
pub(super) async fn run(shared: Arc<Shared>) {
    while !shared.stopping() {
        let now = shared.parts.clock.now();
        match shared.timer.pop(now) {
            Ok(endpoint) => {
                let Some(lane) = shared.lanes.find(endpoint) else {
                    continue;
                };
                if lane.wake() {
                    worker::start(&shared, Arc::clone(&lane), None);
                }
                match lane.next_read() {
                    // The lane read meanwhile, and its next time is later.
                    Some(due) if due > now => shared.timer.set(due, endpoint),
                    Some(_) => refill::kick(&shared, &lane),
                    None => {}
                }
            }
            Err(sleep) => {
                let _ = tokio::time::timeout(sleep, shared.timer.sooner.notified()).await;
            }
        }
    }
}
