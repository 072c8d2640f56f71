//! Deliveries whose time is over end, also where their lane takes nothing up.
//!
//! One that waits is due at its end at the latest, and is discarded when its lane takes it up. What a
//! lane does not get to, since it is slow or stands still, is found here.

use std::sync::Arc;

use fanfare_app::port::StoreError;
use fanfare_app::port::deliveries::Settlement;
use fanfare_domain::delivery::{Delivery, DeliveryState, DiscardedReason};
use fanfare_domain::time::Timestamp;

use super::Shared;
use super::job::Origin;
use super::settle::Outcome;

/// Rows of one read.
const STEP: usize = 500;

/// Ends what has expired: in memory first, then in the store.
pub(super) async fn run(shared: &Arc<Shared>) -> Result<(), StoreError> {
    let now = shared.parts.clock.now();
    for lane in shared.lanes.all() {
        let expired = lane.take_expired(now);
        if !expired.is_empty() {
            // What is left of a batch is due in the store.
            shared.timer.set(now, lane.endpoint);
        }
        for job in expired {
            let delivery = discarded(job.delivery(lane.endpoint), now);
            let outcome = Outcome::settled(job, delivery, None);
            let _ = shared.settle.send(outcome).await;
        }
    }
    loop {
        let expired = shared.parts.deliveries.expired(now, STEP).await?;
        let full = expired.len() == STEP;
        let mut ended = 0;
        for delivery in expired {
            let lane = shared.lanes.get(delivery.endpoint, &shared.health);
            // One that is held is under way or being settled, and ends with that.
            if lane.held(|held| held.claim(delivery.id)) {
                ended += 1;
                let origin = Origin::Stored(Box::new(delivery.clone()));
                let settlement = Settlement {
                    delivery: discarded(delivery, now),
                    attempt: None,
                };
                let outcome = Outcome::Settled { origin, settlement };
                let _ = shared.settle.send(outcome).await;
            }
        }
        // What was sent may not be settled yet and be read again; the next scan goes on.
        if !full || ended < STEP {
            return Ok(());
        }
    }
}

fn discarded(delivery: Delivery, at: Timestamp) -> Delivery {
    let reason = DiscardedReason::Expired;
    Delivery {
        state: DeliveryState::Discarded { at, reason },
        ..delivery
    }
}
