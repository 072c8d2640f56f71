//! The scan: finds from the store the work that nobody told of, and sweeps idle lanes.

use std::sync::Arc;

use fanfare_app::port::StoreError;

use super::{Shared, discard};

/// Lanes of one read.
const STEP: usize = 500;

/// Scans until the engine stops.
pub(super) async fn run(shared: Arc<Shared>) {
    while !shared.stopping() {
        tokio::time::sleep(shared.parts.options.scan_every).await;
        if let Err(cause) = lanes(&shared).await {
            tracing::warn!(error = %cause, "the store can't be scanned for waiting deliveries yet");
        }
        shared.lanes.sweep();
    }
}

/// Tells every lane when the store holds something due for it.
pub(super) async fn lanes(shared: &Arc<Shared>) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let lanes = shared.parts.deliveries.lanes(after, STEP).await?;
        for lane in &lanes {
            if !discard::if_unwanted(shared, lane.endpoint) {
                shared.schedule(lane.endpoint, lane.next);
            }
        }
        match lanes.last() {
            Some(last) if lanes.len() == STEP => after = Some(last.endpoint),
            _ => return Ok(()),
        }
    }
}
