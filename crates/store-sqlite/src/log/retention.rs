//! Forgetting old events, in steps that the caller bounds.

use fanfare_app::port::log::Position;
use fanfare_domain::id::EventId;
use fanfare_domain::time::Timestamp;
use rusqlite::OptionalExtension;

use super::append::last_position;
use crate::failure::Failure;
use crate::lists::{EVENTS, Owner};
use crate::reader::Reading;
use crate::row::Row;
use crate::writer::Writing;

/// About how many bytes it writes to forget something.
pub(super) const WEIGHT: usize = 256;

/// The most idempotency keys that one commit forgets.
pub(super) const KEYS_AT_ONCE: usize = 1_000;

/// How many events that are too young are looked past for older ones behind them. Positions follow
/// the time of acceptance but for clocks that were set and requests that overtook one another.
const LOOK_PAST: usize = 1_000;

pub(super) fn accepted_before(
    reading: &Reading<'_>,
    time: Timestamp,
    after: Position,
    limit: usize,
) -> Result<Vec<(Position, EventId)>, Failure> {
    let mut statement = reading.connection.prepare_cached(
        "SELECT position, id FROM (
            SELECT position, id, created_at FROM events WHERE position > ?1
            ORDER BY position LIMIT ?2)
        WHERE created_at < ?3 ORDER BY position LIMIT ?4",
    )?;
    let number = |count| i64::try_from(count).unwrap_or(i64::MAX);
    let mut rows = statement.query((
        after,
        number(limit.saturating_add(LOOK_PAST)),
        time.micros(),
        number(limit),
    ))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let row = Row {
            row,
            table: "events",
            key: 1,
        };
        found.push((
            row.get(0, "position")?,
            EventId::from_bytes(row.get(1, "id")?),
        ));
    }
    Ok(found)
}

pub(super) fn data_past(
    reading: &Reading<'_>,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<(Position, EventId)>, Failure> {
    let mut statement = reading.connection.prepare_cached(
        "SELECT position, id FROM events INDEXED BY events_data_until
        WHERE data_until IS NOT NULL AND data <> x'' AND data_until <= ?1
        ORDER BY data_until LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query((now.micros(), limit))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let row = Row {
            row,
            table: "events",
            key: 1,
        };
        let id = EventId::from_bytes(row.get(1, "id")?);
        found.push((row.get(0, "position")?, id));
    }
    Ok(found)
}

pub(super) fn drop_payloads(writing: &Writing<'_>, positions: &[Position]) -> Result<(), Failure> {
    let mut statement = writing
        .connection
        .prepare_cached("UPDATE events SET data = x'' WHERE position = ?1 AND data <> x''")?;
    for position in positions {
        statement.execute([position])?;
    }
    Ok(())
}

pub(super) fn drop_events(
    writing: &mut Writing<'_>,
    positions: &[Position],
) -> Result<(), Failure> {
    let connection = writing.connection;
    // When the newest event goes, its position must not come again.
    let last = last_position(connection)?;
    if positions.contains(&last) {
        connection
            .prepare_cached(
                "INSERT INTO counters (name, value) VALUES ('last_position', ?1)
                ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )?
            .execute([last])?;
    }
    let mut statement =
        connection.prepare_cached("DELETE FROM events WHERE position = ?1 RETURNING id, scope")?;
    for position in positions {
        let gone = statement
            .query_row([position], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if let Some((id, scope)) = gone {
            EVENTS.remove(connection, id, &[Owner::Tenant(scope)])?;
            writing.state.listed_events.removed(*position);
        }
    }
    Ok(())
}

pub(super) fn drop_expired_keys(
    writing: &Writing<'_>,
    now: Timestamp,
    limit: usize,
) -> Result<usize, Failure> {
    let limit = i64::try_from(limit.min(KEYS_AT_ONCE)).unwrap_or(0);
    let dropped = writing
        .connection
        .prepare_cached(
            "DELETE FROM idempotency_keys WHERE digest IN (
                SELECT digest FROM idempotency_keys INDEXED BY idempotency_keys_expiry
                WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
        )?
        .execute((now.micros(), limit))?;
    Ok(dropped)
}
