//! Putting deliveries together that wait for their first attempt.

use std::sync::Arc;

use fanfare_app::port::StoreError;
use fanfare_domain::batch::Batching;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::{BatchId, DeliveryId};
use fanfare_domain::time::Timestamp;

use super::{bounds, due_at};
use crate::engine::Shared;
use crate::engine::job::{Job, Origin};
use crate::engine::lane::Lane;
use crate::engine::refill::{self, Claimed};

/// How many of these, the longest due first, are a batch now; or else when they are one. `closed`: no other
/// can join them.
pub(in crate::engine) fn ready(
    batching: &Batching,
    waiting: &[Delivery],
    closed: bool,
    now: Timestamp,
) -> Result<usize, Timestamp> {
    let (most, wait) = bounds(batching);
    let until = waiting
        .first()
        .map_or(now, |first| due_at(first).after(wait));
    if closed || waiting.len() >= most || until <= now {
        Ok(waiting.len().min(most))
    } else {
        Err(until)
    }
}

/// Makes a batch of deliveries: takes them, up to the first that is held or past the most bytes, and binds
/// them in the store. None where nothing could be taken.
pub(in crate::engine) async fn bind(
    shared: &Arc<Shared>,
    lane: &Lane,
    waiting: &[Delivery],
) -> Result<Option<Job>, StoreError> {
    let claimed: Vec<_> = lane.held(|held| {
        let free = waiting.iter().take_while(|row| held.claim(row.id));
        free.cloned().collect()
    });
    // What is not in the job at the end is due in the store.
    let mut left: Vec<DeliveryId> = claimed.iter().map(|row| row.id).collect();
    let bound = bind_claimed(shared, &claimed, &mut left).await;
    lane.held(|held| left.iter().for_each(|id| held.release_stored(*id)));
    bound
}

async fn bind_claimed(
    shared: &Arc<Shared>,
    claimed: &[Delivery],
    left: &mut Vec<DeliveryId>,
) -> Result<Option<Job>, StoreError> {
    let mut jobs: Vec<Job> = Vec::with_capacity(claimed.len());
    let mut bytes = 0;
    for each in refill::with_events(shared, claimed).await? {
        match each {
            Claimed::Job(job) => {
                bytes += job.shipment.event().data.len();
                if bytes > Batching::MAX_BYTES && !jobs.is_empty() {
                    break;
                }
                jobs.push(job);
            }
            Claimed::Gone(delivery) if jobs.is_empty() => {
                left.retain(|id| *id != delivery.id);
                refill::end_without_payload(shared, *delivery).await;
                return Ok(None);
            }
            // What follows waits for its end.
            Claimed::Gone(_) => break,
        }
    }
    let Some(lead) = jobs.first() else {
        return Ok(None);
    };
    let batch = BatchId::led_by(lead.delivery_id());
    let scope = lead.shipment.event().scope.clone();
    let ids = jobs.iter().map(Job::delivery_id).collect();
    let strand = lead.in_line().map(|at| at.strand);
    let store = &shared.parts.deliveries;
    let bound = store.bind(&scope, batch, strand, ids).await?;
    let mut bound = bound.into_iter().peekable();
    // Both are in the same order.
    jobs.retain_mut(|job| {
        let its = bound.next_if(|(id, _)| *id == job.delivery_id());
        if let (Some((_, place)), Origin::Stored(delivery)) = (its, &mut job.origin) {
            delivery.batch = Some(place);
        }
        its.is_some()
    });
    left.retain(|id| jobs.iter().all(|job| job.delivery_id() != *id));
    Ok(Job::together(batch, jobs))
}
