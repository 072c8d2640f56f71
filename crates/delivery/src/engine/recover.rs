//! At the start: what was accepted and has no row yet goes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use fanfare_app::fault::{Fault, planted};
use fanfare_app::port::StoreError;
use fanfare_domain::name::Scope;

use super::Shared;
use super::intake;
use super::tracker::Places;

/// Events compared at a time.
const STEP: usize = 500;

/// Compares the log after the materialised position with the rows, and takes up what has none.
pub(super) async fn run(shared: &Arc<Shared>) -> Result<(), StoreError> {
    let mut after = shared.parts.deliveries.materialised().await?;
    shared.tracker.lock().begin_at(after);
    let mut taken_up = 0;
    loop {
        let events = shared.parts.log.read_after(after, STEP).await?;
        if events.is_empty() {
            break;
        }
        let mut by_scope: BTreeMap<&Scope, Vec<_>> = BTreeMap::new();
        for (_, event) in &events {
            by_scope
                .entry(&event.scope)
                .or_default()
                .extend(event.deliveries().map(|(id, _)| id));
        }
        let mut rows = std::collections::HashSet::new();
        for (scope, ids) in by_scope {
            rows.extend(shared.parts.deliveries.existing(scope, &ids).await?);
        }
        for (position, event) in events {
            shared.tracker.lock().skip(after + 1..position);
            after = position;
            let mut places = Places::first(event.targets.len());
            for (place, (id, _)) in (0u16..).zip(event.deliveries()) {
                if rows.contains(&id) && !planted(Fault::RecoverRecorded)
                    || planted(Fault::SkipRecovery)
                {
                    places.remove(place);
                }
            }
            taken_up += places.iter().count();
            let targets: Vec<_> = event
                .targets
                .iter()
                .map(|id| shared.parts.directory.target(*id))
                .collect();
            for place in places.iter() {
                if let Some(Some(target)) = targets.get(usize::from(place)) {
                    target.count_waiting();
                }
            }
            let targets = if planted(Fault::RecoverUnordered) {
                Vec::new()
            } else {
                targets
            };
            intake::place(shared, event, position, &targets, places);
        }
    }
    if taken_up > 0 {
        tracing::info!(deliveries = taken_up, "deliveries of an earlier run go on");
    }
    Ok(())
}
