//! Handing endpoints over that one node serves at a time, and taking them up, where nodes share the store.
//!
//! Asked before each attempt, the coordination says whether an endpoint is this node's. Once it is not any
//! more, the lane's memory goes to the store, what is under way ends and is settled, and then the node says
//! that it has let go.

use std::sync::Arc;
use std::time::Duration;

use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::id::EndpointId;

use super::{Shared, order};

/// How long a lane waits before it asks again, while this node may send nothing.
pub(super) const PAUSED: Duration = Duration::from_millis(50);
/// How often it is looked whether what is under way has ended.
const LOOK: Duration = Duration::from_millis(10);

/// Whether an endpoint is one that another node serves, or none yet.
pub(super) fn is_anothers(shared: &Shared, endpoint: EndpointId) -> bool {
    let target = shared.parts.directory.target(endpoint);
    target.is_some_and(|target| Endpoint::served_by_one(&target.endpoint))
        && shared.parts.coordination.owns(endpoint).is_none()
}

/// Nothing of an endpoint may begin here any more: what is in memory goes to the store.
pub(super) fn empty(shared: &Shared, endpoint: EndpointId) {
    shared.parked.add_lane(endpoint);
    shared.told_parked.notify_one();
}

/// Takes endpoints up and lets go of them until the engine stops.
pub(super) async fn run(shared: Arc<Shared>) {
    let coordination = Arc::clone(&shared.parts.coordination);
    let engine = Arc::downgrade(&shared);
    drop(shared);
    while let Some(shared) = engine.upgrade().filter(|shared| !shared.stopping()) {
        for endpoint in coordination.came() {
            order::find(&shared, endpoint);
        }
        let leaving = coordination.leaving();
        let mut busy = false;
        for endpoint in leaving {
            let lane = shared.lanes.find(endpoint);
            if lane.is_none_or(|lane| lane.has_let_go()) {
                coordination.let_go(endpoint);
            } else {
                busy = true;
                empty(&shared, endpoint);
            }
        }
        if busy {
            tokio::time::sleep(LOOK).await;
        } else {
            // Without keeping the engine: where there is but one node, that is for ever.
            drop(shared);
            coordination.told().await;
        }
    }
}
