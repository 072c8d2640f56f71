//! The scan: finds from the store the work that nobody told of, and sweeps idle lanes.

use std::sync::Arc;

use fanfare_app::port::StoreError;

use super::{Shared, discard, expire, order};

/// Lanes of one read.
const STEP: usize = 500;

/// Scans until the engine stops.
pub(super) async fn run(shared: Arc<Shared>) {
    while !shared.stopping() {
        tokio::time::sleep(shared.parts.options.scan_every).await;
        if let Err(cause) = lanes(&shared).await {
            tracing::warn!(error = %cause, "the store can't be scanned for waiting deliveries yet");
        }
        if let Err(cause) = log_end(&shared).await {
            tracing::warn!(error = %cause, "the log can't be scanned for what was not handed on yet");
        }
        if let Err(cause) = expire::run(&shared).await {
            tracing::warn!(error = %cause, "the store can't be scanned for what has expired yet");
        }
        let now = shared.parts.clock.now();
        shared.lanes.sweep(now, &shared.health);
        shared.meters.without_slot(shared.slots.waiting());
    }
}

/// Looks for an event behind the last one that was handed on: its publisher may have gone away, or its
/// commit's answer been lost. With later ones handed on it would show as a gap.
async fn log_end(shared: &Arc<Shared>) -> Result<(), StoreError> {
    let last = shared.tracker.lock().last();
    let behind = shared.parts.log.read_after(last, 1).await?;
    if let Some((position, _)) = behind.first() {
        shared.tracker.lock().heard_of(*position);
    }
    Ok(())
}

/// Tells every lane when the store holds something due for it.
pub(super) async fn lanes(shared: &Arc<Shared>) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let lanes = shared.parts.deliveries.lanes(after, STEP).await?;
        for lane in &lanes {
            if !discard::if_unwanted(shared, lane.endpoint) {
                shared.schedule(lane.endpoint, lane.next);
                if lane.in_turn {
                    order::patrol(shared, lane.endpoint);
                }
            }
        }
        match lanes.last() {
            Some(last) if lanes.len() == STEP => after = Some(last.endpoint),
            _ => return Ok(()),
        }
    }
}
