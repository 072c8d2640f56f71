//! Forgetting old events row by row, in steps that the caller bounds.

use fanfare_app::port::log::Position;
use fanfare_domain::id::EventId;
use fanfare_domain::time::Timestamp;
use std::time::Duration;
use tokio_postgres::types::Type;

use crate::bits::{Bits, limit};
use crate::failure::Failure;
use crate::session::Session;

/// The most idempotency keys that one commit forgets.
const KEYS_AT_ONCE: usize = 1_000;

/// How many events that are too young are looked past for older ones behind them. Positions follow
/// the time of acceptance but for clocks that differ and requests that overtook one another.
const LOOK_PAST: usize = 1_000;

pub(super) async fn accepted_before(
    session: &Session,
    time: Timestamp,
    after: Position,
    count: usize,
) -> Result<Vec<(Position, EventId)>, Failure> {
    let rows = session
        .rows(
            "SELECT position, id FROM (
                SELECT position, id, created_at FROM fanfare.events
                WHERE position > $1 AND id < $2 ORDER BY position LIMIT $3) AS looked_at
            WHERE created_at < $4 ORDER BY position LIMIT $5",
            &[
                (&after, Type::INT8),
                (&Bits::at(time.after(Duration::from_millis(1))), Type::UUID),
                (&limit(count.saturating_add(LOOK_PAST)), Type::INT8),
                (&time.micros(), Type::INT8),
                (&limit(count), Type::INT8),
            ],
        )
        .await?;
    let read = |row: &tokio_postgres::Row| {
        let id: Bits = row.try_get(1)?;
        Ok((row.try_get(0)?, EventId::from_bytes(id.0)))
    };
    rows.iter().map(read).collect()
}

pub(super) async fn data_past(
    session: &Session,
    now: Timestamp,
    count: usize,
) -> Result<Vec<(Position, EventId)>, Failure> {
    let rows = session
        .rows(
            "SELECT events.position, events.id FROM (
                SELECT id, data_until FROM fanfare.payloads
                WHERE data_until IS NOT NULL AND data_until <= $1
                ORDER BY data_until LIMIT $2) AS past
            JOIN fanfare.events AS events ON events.id = past.id ORDER BY past.data_until",
            &[(&now.micros(), Type::INT8), (&limit(count), Type::INT8)],
        )
        .await?;
    let read = |row: &tokio_postgres::Row| {
        let id: Bits = row.try_get(1)?;
        Ok((row.try_get(0)?, EventId::from_bytes(id.0)))
    };
    rows.iter().map(read).collect()
}

/// Events at some positions. The index by position begins with the node, and who appended them is not
/// told: the nodes are found in it by one seek each.
const AT_POSITIONS: &str = "node = ANY(ARRAY(
        WITH RECURSIVE writers (node) AS (
            (SELECT node FROM fanfare.events ORDER BY node LIMIT 1)
            UNION ALL
            SELECT (SELECT event.node FROM fanfare.events AS event WHERE event.node > writers.node
                ORDER BY event.node LIMIT 1)
            FROM writers WHERE writers.node IS NOT NULL
        )
        SELECT node FROM writers WHERE node IS NOT NULL
    )) AND position = ANY($1)";

pub(super) async fn drop_payloads(
    session: &Session,
    positions: &[Position],
) -> Result<(), Failure> {
    let sql = format!(
        "DELETE FROM fanfare.payloads WHERE id IN (
            SELECT id FROM fanfare.events WHERE {AT_POSITIONS})"
    );
    session
        .run(&sql, &[(&positions, Type::INT8_ARRAY)])
        .await
        .map(drop)
}

/// With their payloads and the callers' ids; an idempotency key whose event is gone counts for nothing.
pub(super) async fn drop_events(session: &Session, positions: &[Position]) -> Result<(), Failure> {
    let sql = format!(
        "WITH gone AS (
            DELETE FROM fanfare.events WHERE {AT_POSITIONS} RETURNING id
        ), payloads AS (
            DELETE FROM fanfare.payloads WHERE id IN (SELECT id FROM gone)
        )
        DELETE FROM fanfare.event_uids WHERE event IN (SELECT id FROM gone)"
    );
    session
        .run(&sql, &[(&positions, Type::INT8_ARRAY)])
        .await
        .map(drop)
}

pub(super) async fn drop_expired_keys(
    session: &Session,
    now: Timestamp,
    count: usize,
) -> Result<usize, Failure> {
    let dropped = session
        .run(
            // As a list, whose digests are looked up in the index.
            "DELETE FROM fanfare.idempotency_keys WHERE digest = ANY(ARRAY(
                SELECT digest FROM fanfare.idempotency_keys
                WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2))",
            &[
                (&now.micros(), Type::INT8),
                (&limit(count.min(KEYS_AT_ONCE)), Type::INT8),
            ],
        )
        .await?;
    Ok(usize::try_from(dropped).unwrap_or(usize::MAX))
}
