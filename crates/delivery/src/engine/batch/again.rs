//! Taking a batch up again that was bound before: for a retry, or after a start.

use std::sync::Arc;

use fanfare_app::fault::{Fault, planted};
use fanfare_app::port::StoreError;
use fanfare_domain::id::BatchId;

use crate::engine::Shared;
use crate::engine::job::Job;
use crate::engine::lane::Lane;
use crate::engine::refill::{self, Claimed};

/// Reads what waits of a batch, all of it. None where some of it is held, or nothing is left.
pub(in crate::engine) async fn read(
    shared: &Arc<Shared>,
    lane: &Lane,
    batch: BatchId,
) -> Result<Option<Job>, StoreError> {
    let mut members = shared.parts.deliveries.members(batch).await?;
    if planted(Fault::LoseMember) && members.len() > 1 && members[0].attempts > 0 {
        members.pop();
    }
    let taken = lane.held(|held| {
        // What was read may have been discarded meanwhile.
        let free = !held.is_spoiled() && members.iter().all(|row| held.is_free(row.id));
        free && members.iter().all(|row| held.claim(row.id))
    });
    if !taken {
        return Ok(None);
    }
    let claimed = match refill::with_events(shared, &members).await {
        Ok(claimed) => claimed,
        Err(cause) => {
            lane.held(|held| members.iter().for_each(|row| held.release_stored(row.id)));
            return Err(cause);
        }
    };
    let mut jobs = Vec::with_capacity(claimed.len());
    for each in claimed {
        match each {
            Claimed::Job(job) => jobs.push(job),
            Claimed::Gone(delivery) => refill::end_without_payload(shared, *delivery).await,
        }
    }
    Ok(Job::together(batch, jobs))
}
