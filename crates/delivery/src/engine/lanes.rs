//! The lanes of all endpoints that have work.

use std::collections::HashMap;
use std::sync::Arc;

use fanfare_domain::id::EndpointId;
use fanfare_domain::time::Timestamp;
use parking_lot::RwLock;

use super::health::HealthBook;
use super::lane::Lane;

/// The lanes by endpoint. Bounded by the endpoints that have work: idle ones are swept out.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    by_endpoint: RwLock<HashMap<EndpointId, Arc<Lane>>>,
}

impl Lanes {
    /// The endpoint's lane; made where there is none, with what the health book knows of it.
    pub(super) fn get(&self, endpoint: EndpointId, health: &HealthBook) -> Arc<Lane> {
        if let Some(lane) = self.by_endpoint.read().get(&endpoint) {
            return Arc::clone(lane);
        }
        let mut lanes = self.by_endpoint.write();
        Arc::clone(
            lanes
                .entry(endpoint)
                .or_insert_with(|| Arc::new(Lane::new(endpoint, health.known(endpoint)))),
        )
    }

    /// The endpoint's lane, if it has one.
    pub(super) fn find(&self, endpoint: EndpointId) -> Option<Arc<Lane>> {
        self.by_endpoint.read().get(&endpoint).cloned()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_endpoint.read().len()
    }

    /// Every lane.
    pub(super) fn all(&self) -> Vec<Arc<Lane>> {
        self.by_endpoint.read().values().cloned().collect()
    }

    /// Lets go of lanes that are idle and that nobody holds. What one of them was down to is noted where its
    /// endpoint gives trouble, since its next lane begins with that.
    pub(super) fn sweep(&self, now: Timestamp, health: &HealthBook) {
        let mut lanes = self.by_endpoint.write();
        lanes.retain(|_, lane| {
            // A lane that is held elsewhere may be about to get work.
            let stays = Arc::strong_count(lane) > 1 || !lane.is_idle(now);
            if !stays && lane.is_troubled() {
                health.note_limit(lane.endpoint, lane.limit());
            }
            stays
        });
        if lanes.capacity() > 4 * lanes.len() + 64 {
            lanes.shrink_to_fit();
        }
    }
}
