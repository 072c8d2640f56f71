//! Batches: which deliveries go together.

use fanfare_domain::batch::InBatch;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::{BatchId, DeliveryId};
use fanfare_domain::name::Scope;
use fanfare_domain::order::Strand;

use super::row;
use crate::failure::Failure;
use crate::reader::Reading;
use crate::writer::Writing;

/// About how many bytes it writes to bind a row.
pub(super) const WEIGHT: usize = 256;

pub(super) fn bind(
    writing: &mut Writing<'_>,
    scope: &Scope,
    batch: BatchId,
    strand: Option<Strand>,
    members: &[DeliveryId],
) -> Result<Vec<(DeliveryId, InBatch)>, Failure> {
    let connection = writing.connection;
    let scope = writing.state.scopes.number(connection, scope)?;
    let strand = strand.map(Strand::number);
    let mut statement = connection.prepare_cached(
        "UPDATE deliveries SET batch = ?3 WHERE scope = ?1 AND id = ?2 AND state = 0 AND batch IS NULL
        AND strand IS ?4",
    )?;
    let mut bound = Vec::with_capacity(members.len());
    for (place, id) in (0u16..).zip(members) {
        let place = InBatch::new(batch, place);
        let row = (scope, id.to_bytes(), place.to_bytes(), strand);
        if statement.execute(row)? == 1 {
            bound.push((*id, place));
        } else if bound.is_empty() {
            // The first leads the batch; nothing was changed yet.
            break;
        }
    }
    Ok(bound)
}

pub(super) fn members(reading: &mut Reading<'_>, batch: BatchId) -> Result<Vec<Delivery>, Failure> {
    let (first, last) = batch.places();
    let rest = "INDEXED BY deliveries_batch WHERE state = 0 AND batch IS NOT NULL
        AND batch BETWEEN ?1 AND ?2 ORDER BY batch";
    row::collect(reading, rest, (first.to_bytes(), last.to_bytes()))
}
