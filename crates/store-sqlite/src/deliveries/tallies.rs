//! What happened at each endpoint in each minute.

use fanfare_app::port::deliveries::Tally;
use fanfare_app::stored::tally::{Sums, minute, minute_from};
use fanfare_domain::id::EndpointId;
use fanfare_domain::time::Timestamp;
use rusqlite::Connection;

use crate::failure::Failure;
use crate::reader::Reading;
use crate::row::Row;

/// Adds the sums to the rows, and is empty then.
pub(crate) fn write(sums: &mut Sums, connection: &Connection) -> Result<(), Failure> {
    if sums.is_empty() {
        return Ok(());
    }
    let mut statement = connection.prepare_cached(
        "INSERT INTO tallies (endpoint, minute, succeeded, unsuccessful, delivered, failed,
        discarded, duration_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
        ON CONFLICT (endpoint, minute) DO UPDATE SET
        succeeded = succeeded + excluded.succeeded,
        unsuccessful = unsuccessful + excluded.unsuccessful,
        delivered = delivered + excluded.delivered,
        failed = failed + excluded.failed,
        discarded = discarded + excluded.discarded,
        duration_ms = duration_ms + excluded.duration_ms",
    )?;
    for (endpoint, tally) in sums.take() {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        statement.execute((
            endpoint.to_bytes(),
            tally.minute,
            number(tally.succeeded),
            number(tally.unsuccessful),
            number(tally.delivered),
            number(tally.failed),
            number(tally.discarded),
            number(tally.duration_ms),
        ))?;
    }
    Ok(())
}

pub(super) fn between(
    reading: &Reading<'_>,
    endpoint: EndpointId,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Tally>, Failure> {
    let mut statement = reading.connection.prepare_cached(
        "SELECT endpoint, minute, succeeded, unsuccessful, delivered, failed, discarded,
        duration_ms FROM tallies WHERE endpoint = ?1 AND minute >= ?2 AND minute < ?3
        ORDER BY minute",
    )?;
    // A minute that begins before `from` is not from `from` on; the same for `to`.
    let mut rows = statement.query((endpoint.to_bytes(), minute(from), minute_from(to)))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let row = Row {
            row,
            table: "tallies",
            key: 2,
        };
        found.push(Tally {
            minute: row.get(1, "minute")?,
            succeeded: row.number(2, "succeeded")?,
            unsuccessful: row.number(3, "unsuccessful")?,
            delivered: row.number(4, "delivered")?,
            failed: row.number(5, "failed")?,
            discarded: row.number(6, "discarded")?,
            duration_ms: row.number(7, "duration_ms")?,
        });
    }
    Ok(found)
}
