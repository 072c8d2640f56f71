//! What happened at each endpoint in each minute.

use fanfare_app::port::deliveries::Tally;
use fanfare_app::stored::tally::{Sums, minute, minute_from};
use fanfare_domain::id::EndpointId;
use fanfare_domain::time::Timestamp;
use tokio_postgres::types::Type;

use crate::bits::Bits;
use crate::columns::Columns;
use crate::failure::Failure;
use crate::session::Session;

/// Adds sums to this node's rows.
pub(super) async fn write(session: &Session, node: i64, sums: &mut Sums) -> Result<(), Failure> {
    if sums.is_empty() {
        return Ok(());
    }
    let (endpoints, tallies): (Vec<Bits>, Vec<Tally>) = sums
        .take()
        .map(|(endpoint, tally)| (Bits(endpoint.to_bytes()), tally))
        .unzip();
    let column = |count: fn(&Tally) -> u64| -> Vec<i64> {
        let counts = tallies.iter().map(count);
        counts
            .map(|count| i64::try_from(count).unwrap_or(i64::MAX))
            .collect()
    };
    let minutes: Vec<i64> = tallies.iter().map(|tally| tally.minute).collect();
    session
        .run(
            "INSERT INTO fanfare.tallies AS tallies (endpoint, minute, node, succeeded, unsuccessful,
                delivered, failed, discarded, duration_ms)
            SELECT endpoint, minute, $9, succeeded, unsuccessful, delivered, failed, discarded,
                duration_ms
            FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],
                $6::bigint[], $7::bigint[], $8::bigint[]) AS given (endpoint, minute, succeeded,
                unsuccessful, delivered, failed, discarded, duration_ms)
            ON CONFLICT (endpoint, minute, node) DO UPDATE SET
                succeeded = tallies.succeeded + excluded.succeeded,
                unsuccessful = tallies.unsuccessful + excluded.unsuccessful,
                delivered = tallies.delivered + excluded.delivered,
                failed = tallies.failed + excluded.failed,
                discarded = tallies.discarded + excluded.discarded,
                duration_ms = tallies.duration_ms + excluded.duration_ms",
            &[
                (&endpoints, Type::UUID_ARRAY),
                (&minutes, Type::INT8_ARRAY),
                (&column(|tally| tally.succeeded), Type::INT8_ARRAY),
                (&column(|tally| tally.unsuccessful), Type::INT8_ARRAY),
                (&column(|tally| tally.delivered), Type::INT8_ARRAY),
                (&column(|tally| tally.failed), Type::INT8_ARRAY),
                (&column(|tally| tally.discarded), Type::INT8_ARRAY),
                (&column(|tally| tally.duration_ms), Type::INT8_ARRAY),
                (&node, Type::INT8),
            ],
        )
        .await
        .map(drop)
}

/// Summed up over the nodes.
pub(super) async fn between(
    session: &Session,
    endpoint: EndpointId,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Tally>, Failure> {
    // A minute that begins before `from` is not from `from` on; the same for `to`.
    let rows = session
        .rows(
            "SELECT minute, sum(succeeded)::bigint, sum(unsuccessful)::bigint,
                sum(delivered)::bigint, sum(failed)::bigint, sum(discarded)::bigint,
                sum(duration_ms)::bigint
            FROM fanfare.tallies WHERE endpoint = $1 AND minute >= $2 AND minute < $3
            GROUP BY minute ORDER BY minute",
            &[
                (&Bits(endpoint.to_bytes()), Type::UUID),
                (&minute(from), Type::INT8),
                (&minute_from(to), Type::INT8),
            ],
        )
        .await?;
    let read = |row| {
        let row = Columns {
            row,
            table: "tallies",
            id: None,
        };
        Ok(Tally {
            minute: row.get(0, "minute")?,
            succeeded: row.count(1, "succeeded")?,
            unsuccessful: row.count(2, "unsuccessful")?,
            delivered: row.count(3, "delivered")?,
            failed: row.count(4, "failed")?,
            discarded: row.count(5, "discarded")?,
            duration_ms: row.count(6, "duration_ms")?,
        })
    };
    rows.iter().map(read).collect()
}
