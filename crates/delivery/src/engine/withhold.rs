//! Keeping deliveries out of the lanes while they are ended in the store.
//!
//! What is queued is taken out of its lane, and what is in the store only is held as if it had been read
//! from there, so that no refill brings it in. A refill that has read it already learns of it when the
//! hold ends, as of everything that is let go meanwhile.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use fanfare_app::port::dispatch::Withheld;
use fanfare_domain::delivery::{Delivery, StateName};
use fanfare_domain::id::{DeliveryId, EndpointId};
use fanfare_domain::order::Strand;

use super::Shared;
use super::held::Held;
use super::job::{Job, in_line};
use super::lane::Lane;
use super::order;

/// Deliveries that are kept out of their lanes.
pub(super) struct Hold {
    shared: Arc<Shared>,
    ids: HashSet<DeliveryId>,
    lanes: Vec<OfLane>,
}

/// Those of one lane.
struct OfLane {
    lane: Arc<Lane>,
    /// Out of its queue.
    jobs: Vec<Job>,
    /// In the store only.
    stored: Vec<DeliveryId>,
    /// Strands that go on when the hold ends.
    strands: BTreeSet<Strand>,
}

impl Hold {
    pub(super) fn of(shared: &Arc<Shared>, deliveries: &[Delivery]) -> Self {
        let mut by_endpoint: BTreeMap<EndpointId, HashSet<DeliveryId>> = BTreeMap::new();
        for delivery in deliveries {
            let ids = by_endpoint.entry(delivery.endpoint).or_default();
            ids.insert(delivery.id);
        }
        let mut strands: BTreeMap<EndpointId, BTreeSet<Strand>> = BTreeMap::new();
        for delivery in deliveries {
            if let Some(at) = in_line(delivery) {
                let of_lane = strands.entry(delivery.endpoint).or_default();
                of_lane.insert(at.strand);
            }
        }
        let now = shared.parts.clock.now();
        let mut ids = HashSet::with_capacity(deliveries.len());
        let mut lanes = Vec::with_capacity(by_endpoint.len());
        for (endpoint, wanted) in by_endpoint {
            let lane = shared.lanes.get(endpoint, &shared.health);
            let jobs = lane.take_rowed(&wanted, now);
            // Those that were just taken out are held, and so are those under way.
            let stored: Vec<_> = lane.held(|held| {
                let free = |id: &DeliveryId| held.withhold(*id);
                wanted.into_iter().filter(free).collect()
            });
            ids.extend(jobs.iter().map(Job::delivery_id));
            ids.extend(&stored);
            let strands = strands.remove(&endpoint).unwrap_or_default();
            lanes.push(OfLane {
                lane,
                jobs,
                stored,
                strands,
            });
        }
        Self {
            shared: Arc::clone(shared),
            ids,
            lanes,
        }
    }
}

impl Withheld for Hold {
    fn holds(&self, id: DeliveryId) -> bool {
        self.ids.contains(&id)
    }

    fn ended(self: Box<Self>, count: usize) {
        let meters = &self.shared.meters;
        meters.ended(StateName::Discarded, count as u64);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let now = self.shared.parts.clock.now();
        for OfLane {
            lane,
            jobs,
            stored,
            strands,
        } in self.lanes.drain(..)
        {
            lane.held(|held: &mut Held| {
                for job in &jobs {
                    held.release(&job.origin, job.delivery_id());
                }
                for id in stored {
                    held.release_stored(id);
                }
            });
            // Whatever was not ended is due in the store.
            self.shared.schedule(lane.endpoint, now);
            for strand in strands {
                order::look(&self.shared, lane.endpoint, strand);
            }
        }
    }
}
