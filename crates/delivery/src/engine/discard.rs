//! Discarding what waits for an endpoint that was disabled or deleted.

use std::sync::Arc;
use std::time::Duration;

use fanfare_app::fault::{Fault, planted};
use fanfare_domain::delivery::{DeliveryState, StateName};
use fanfare_domain::id::EndpointId;

use super::Shared;
use super::held::Held;
use super::lane::Pushed;
use super::settle::Outcome;
use super::worker::{self, unwanted};

/// Rows of one commit, so that other work gets the store in between.
const STEP: usize = 500;
/// How long to wait before it is tried again, when the store was not available.
const AGAIN: Duration = Duration::from_secs(1);

/// Begins to discard, if the endpoint is disabled or gone; answers whether it is.
pub(super) fn if_unwanted(shared: &Arc<Shared>, endpoint: EndpointId) -> bool {
    let wanted = unwanted(shared.parts.directory.target(endpoint).as_deref()).is_none();
    if !wanted {
        tokio::spawn(run(Arc::clone(shared), endpoint));
    }
    !wanted
}

async fn run(shared: Arc<Shared>, endpoint: EndpointId) {
    if let Some(lane) = shared.lanes.find(endpoint) {
        for job in lane.drain(shared.parts.clock.now()) {
            if planted(Fault::ForgetDiscarded) {
                continue;
            }
            // Looked at again each time: it may have been enabled meanwhile.
            let target = shared.parts.directory.target(endpoint);
            let Some(reason) = unwanted(target.as_deref()) else {
                if lane.push_first(job, shared.start_limit()) == Pushed::StartWorker {
                    worker::start(&shared, Arc::clone(&lane), None);
                }
                continue;
            };
            let at = shared.parts.clock.now();
            let end = DeliveryState::Discarded { at, reason };
            let outcome = Outcome::ended(&shared, vec![job], endpoint, end).await;
            let _ = shared.settle.send(outcome).await;
        }
        // A refill that found no room has nobody to come back for it any more.
        shared.timer.set(shared.parts.clock.now(), endpoint);
    }
    loop {
        let Some(reason) = unwanted(shared.parts.directory.target(endpoint).as_deref()) else {
            return;
        };
        // What memory holds of it may end in the store behind its back, and the endpoint be enabled again
        // before that is known.
        let lane = shared.lanes.get(endpoint, &shared.health);
        lane.held(Held::begin_discard);
        let discarded = shared
            .parts
            .deliveries
            .discard(endpoint, reason, shared.parts.clock.now(), STEP)
            .await;
        lane.held(Held::end_discard);
        match discarded {
            Ok(ended) => {
                shared.meters.ended(StateName::Discarded, ended as u64);
                if ended < STEP {
                    break;
                }
            }
            Err(cause) => {
                if shared.stopping() {
                    return;
                }
                tracing::warn!(%endpoint, error = %cause, "waiting deliveries can't be discarded yet");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
    lift_holds(&shared, endpoint).await;
}

/// What held an order of an endpoint that was deleted holds nothing any more, so that retention takes it.
async fn lift_holds(shared: &Shared, endpoint: EndpointId) {
    if shared.parts.directory.target(endpoint).is_some() {
        return;
    }
    let store = &shared.parts.deliveries;
    loop {
        match store.lift_holds(endpoint, STEP).await {
            Ok(lifted) if lifted < STEP => return,
            Ok(_) => {}
            Err(cause) => {
                tracing::warn!(%endpoint, error = %cause, "what held the order of a deleted endpoint is kept");
                return;
            }
        }
    }
}
