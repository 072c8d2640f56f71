//! Ending what waits for an endpoint that takes nothing any more.

use fanfare_app::stored::code;
use fanfare_app::stored::tally::Sums;
use fanfare_domain::delivery::{DeliveryState, DiscardedReason};
use fanfare_domain::id::{DeliveryId, EndpointId};
use fanfare_domain::time::Timestamp;
use tokio_postgres::types::Type;

use super::row::{COLUMNS, read_id, small};
use super::settle::days_of;
use super::tallies;
use crate::bits::{Bits, bits, limit};
use crate::failure::Failure;
use crate::session::{BEGIN, Session};
use crate::store::Database;

pub(super) async fn some(
    database: &Database,
    session: &Session,
    endpoint: EndpointId,
    reason: DiscardedReason,
    now: Timestamp,
    count: usize,
) -> Result<usize, Failure> {
    let Some(node) = database.places.reads(endpoint) else {
        return Ok(0);
    };
    let rows = session
        .rows(
            "(SELECT id FROM fanfare.open_deliveries
                WHERE state = 0 AND strand IS NULL AND node = $3 AND endpoint = $1 ORDER BY at, id LIMIT $2)
            UNION ALL
            (SELECT id FROM fanfare.open_deliveries
                WHERE state = 0 AND strand IS NOT NULL AND node = $3 AND endpoint = $1
                ORDER BY strand, position LIMIT $2)
            LIMIT $2",
            &[
                (&Bits(endpoint.to_bytes()), Type::UUID),
                (&limit(count), Type::INT8),
                (&node, Type::INT8),
            ],
        )
        .await?;
    let ids = rows.iter().map(read_id).collect::<Result<Vec<_>, _>>()?;
    if ids.is_empty() {
        return Ok(0);
    }
    database.partitions.ensure(days_of(&ids, Some(now))).await?;
    let ids = &bits(&ids, DeliveryId::to_bytes);
    session
        .transaction(|| {
            Box::pin(async move {
                session.batch(BEGIN).await?;
                database.places.be_present(session).await?;
                let ended = end(session, ids, reason, now).await?;
                let state = DeliveryState::Discarded { at: now, reason };
                let mut sums = Sums::default();
                if ended > 0 {
                    sums.end(endpoint, &state, u64::try_from(ended).unwrap_or(0));
                }
                tallies::write(session, database.places.node, &mut sums).await?;
                session.batch("COMMIT").await?;
                Ok(usize::try_from(ended).unwrap_or(0))
            })
        })
        .await
}

/// Those of these that still wait; answers how many.
async fn end(
    session: &Session,
    ids: &[Bits],
    reason: DiscardedReason,
    now: Timestamp,
) -> Result<i64, Failure> {
    let sql = format!(
        "WITH gone AS (
            DELETE FROM fanfare.open_deliveries AS row WHERE row.id = ANY($1) AND row.state = 0
            RETURNING row.*
        ), ended AS (
            INSERT INTO fanfare.deliveries ({COLUMNS})
            SELECT id, scope, event, endpoint, replay_of, $2, created_at, expires_at,
                first_attempt_at, position, strand, $3, $4, attempts, extra_attempts, last_status,
                last_error, false, batch, event_type
            FROM gone ON CONFLICT (id) DO NOTHING
        )
        SELECT count(*) FROM gone"
    );
    let row = session
        .row(
            &sql,
            &[
                (&ids, Type::UUID_ARRAY),
                (&now.micros(), Type::INT8),
                (&small(code::DISCARDED), Type::INT2),
                (&small(code::of_discarded(reason)), Type::INT2),
            ],
        )
        .await?;
    row.map_or(Ok(0), |row| Ok(row.try_get(0)?))
}
