//! Ending what waits for an endpoint that takes nothing any more.

use fanfare_app::stored::code;
use fanfare_domain::delivery::{DeliveryState, DiscardedReason};
use fanfare_domain::id::EndpointId;
use fanfare_domain::time::Timestamp;

use crate::failure::Failure;
use crate::writer::Writing;

/// The most rows that one commit ends, so that others need not wait for long.
pub(super) const AT_ONCE: usize = 1_000;

/// About how many bytes the end of one writes.
pub(super) const WEIGHT: usize = 256;

fn as_number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn some(
    writing: &mut Writing<'_>,
    endpoint: EndpointId,
    reason: DiscardedReason,
    now: Timestamp,
    limit: usize,
) -> Result<usize, Failure> {
    let state = DeliveryState::Discarded { at: now, reason };
    let limit = as_number(limit.min(AT_ONCE));
    let mut ended = 0;
    for some in [
        "SELECT seq FROM deliveries INDEXED BY deliveries_due
        WHERE state = 0 AND strand IS NULL AND endpoint = ?1 ORDER BY at, id LIMIT ?5",
        "SELECT seq FROM deliveries INDEXED BY deliveries_in_turn
        WHERE state = 0 AND strand IS NOT NULL AND endpoint = ?1
        ORDER BY strand, position LIMIT ?5",
    ] {
        let sql =
            format!("UPDATE deliveries SET state = ?2, reason = ?3, at = ?4 WHERE seq IN ({some})");
        ended += writing.connection.prepare_cached(&sql)?.execute((
            endpoint.to_bytes(),
            code::DISCARDED,
            code::of_discarded(reason),
            now.micros(),
            limit.saturating_sub(as_number(ended)),
        ))?;
    }
    let count = u64::try_from(ended).unwrap_or(u64::MAX);
    if count > 0 {
        writing.state.tallies.end(endpoint, &state, count);
    }
    Ok(ended)
}
