//! Batches: which deliveries go together.

use fanfare_domain::batch::InBatch;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::{BatchId, DeliveryId};
use fanfare_domain::name::Scope;
use fanfare_domain::order::Strand;

use super::Change;
use super::deliveries::{Rows, strand};

impl Rows {
    pub(super) fn bind(
        &mut self,
        scope: &Scope,
        batch: BatchId,
        wanted: Option<Strand>,
        members: &[DeliveryId],
    ) -> Vec<(DeliveryId, InBatch)> {
        let mut bound = Vec::new();
        for (place, id) in (0u16..).zip(members) {
            let row = self.by_id.get_mut(&(scope.clone(), *id));
            let free = row.filter(|row| {
                let strand = strand(row).map(|(strand, _)| strand);
                !row.state.ended() && row.batch.is_none() && strand == wanted
            });
            let Some(row) = free else {
                if bound.is_empty() {
                    break;
                }
                continue;
            };
            let place = InBatch::new(batch, place);
            row.batch = Some(place);
            bound.push((*id, place));
        }
        if !bound.is_empty() {
            self.changes.push(Change::Bound(bound.clone()));
        }
        bound
    }

    pub(super) fn members(&self, batch: BatchId) -> Vec<Delivery> {
        let waiting = self.by_id.values().filter(|row| !row.state.ended());
        let its = waiting.filter(|row| row.batch.is_some_and(|place| place.batch() == batch));
        let mut members: Vec<_> = its.cloned().collect();
        members.sort_unstable_by_key(|row| row.batch);
        members
    }
}
