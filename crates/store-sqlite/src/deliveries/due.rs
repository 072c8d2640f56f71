//! What waits.

use fanfare_app::port::deliveries::{Backlog, Due, WaitingLane};
use fanfare_domain::delivery::{Delivery, DeliveryState};
use fanfare_domain::id::EndpointId;
use fanfare_domain::name::Scope;
use fanfare_domain::time::Timestamp;
use rusqlite::{CachedStatement, OptionalExtension};

use super::row;
use crate::failure::Failure;
use crate::reader::Reading;

pub(super) fn due(
    reading: &mut Reading<'_>,
    endpoint: EndpointId,
    now: Timestamp,
    limit: usize,
) -> Result<Due, Failure> {
    // One more than asked for: it is the next, or says that what is due goes on.
    let rows = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let rest = "INDEXED BY deliveries_due WHERE state = 0 AND strand IS NULL AND endpoint = ?1
        AND at <= ?2 ORDER BY at, id LIMIT ?3";
    let mut deliveries = row::collect(reading, rest, (endpoint.to_bytes(), now.micros(), rows))?;
    let next = if deliveries.len() > limit {
        deliveries.pop().and_then(|next| match next.state {
            DeliveryState::Waiting { due_at } => Some(due_at),
            _ => None,
        })
    } else {
        reading
            .connection
            .prepare_cached(
                "SELECT at FROM deliveries INDEXED BY deliveries_due
                WHERE state = 0 AND strand IS NULL AND endpoint = ?1 AND at > ?2
                ORDER BY at LIMIT 1",
            )?
            .query_row((endpoint.to_bytes(), now.micros()), |row| row.get(0))
            .optional()?
            .map(Timestamp::from_micros)
    };
    Ok(Due { deliveries, next })
}

pub(super) fn expired(
    reading: &mut Reading<'_>,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Delivery>, Failure> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rest = "INDEXED BY deliveries_expiry
        WHERE state = 0 AND expires_at IS NOT NULL AND expires_at <= ?1
        ORDER BY expires_at, id LIMIT ?2";
    row::collect(reading, rest, (now.micros(), limit))
}

/// One seek for each endpoint, however many of its deliveries wait.
pub(super) fn lanes(
    reading: &Reading<'_>,
    after: Option<EndpointId>,
    limit: usize,
) -> Result<Vec<WaitingLane>, Failure> {
    let mut by_time = reading.connection.prepare_cached(
        "SELECT endpoint, at FROM deliveries INDEXED BY deliveries_due
        WHERE state = 0 AND strand IS NULL AND endpoint > ?1 ORDER BY endpoint, at LIMIT 1",
    )?;
    let mut by_turn = reading.connection.prepare_cached(
        "SELECT endpoint, at FROM deliveries INDEXED BY deliveries_in_turn
        WHERE state = 0 AND strand IS NOT NULL AND endpoint > ?1
        ORDER BY endpoint, strand, position LIMIT 1",
    )?;
    // The empty byte string sorts before all.
    let mut after = after.map(|id| id.to_bytes().to_vec()).unwrap_or_default();
    let mut lanes = Vec::new();
    while lanes.len() < limit {
        let first = |statement: &mut CachedStatement<'_>| {
            statement
                .query_row([&after], |row| {
                    Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, i64>(1)?))
                })
                .optional()
        };
        let timed = first(&mut by_time)?;
        let turned = first(&mut by_turn)?;
        let endpoints = timed.iter().chain(&turned).map(|(endpoint, _)| *endpoint);
        let Some(endpoint) = endpoints.min() else {
            break;
        };
        let of_it = |found: &Option<([u8; 16], i64)>| found.filter(|(id, _)| *id == endpoint);
        let (timed, turned) = (of_it(&timed), of_it(&turned));
        if let Some((_, at)) = timed.or(turned) {
            lanes.push(WaitingLane {
                endpoint: EndpointId::from_bytes(endpoint),
                next: Timestamp::from_micros(at),
                in_turn: turned.is_some(),
            });
        }
        after = endpoint.to_vec();
    }
    Ok(lanes)
}

pub(super) fn backlog(reading: &Reading<'_>) -> Result<Backlog, Failure> {
    let connection = reading.connection;
    let waiting: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM deliveries INDEXED BY deliveries_waiting WHERE state = 0",
        )?
        .query_row([], |row| row.get(0))?;
    // Ids sort by the time at which they were made.
    let oldest: Option<i64> = connection
        .prepare_cached(
            "SELECT created_at FROM deliveries INDEXED BY deliveries_waiting WHERE state = 0
            ORDER BY id LIMIT 1",
        )?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(Backlog {
        waiting: u64::try_from(waiting).unwrap_or(0),
        oldest: oldest.map(Timestamp::from_micros),
    })
}

/// One range of an index for each tenant.
pub(super) fn waiting_by_tenant(reading: &mut Reading<'_>) -> Result<Vec<(Scope, u64)>, Failure> {
    let connection = reading.connection;
    let mut statement = connection.prepare_cached(
        "SELECT id, (SELECT count(*) FROM deliveries INDEXED BY deliveries_exception
            WHERE state <> 1 AND scope = scopes.id AND state = 0) FROM scopes",
    )?;
    let mut rows = statement.query([])?;
    let mut counts = Vec::new();
    while let Some(row) = rows.next()? {
        let (scope, count): (i64, i64) = (row.get(0)?, row.get(1)?);
        if let Some(count) = u64::try_from(count).ok().filter(|count| *count > 0) {
            counts.push((reading.scopes.name(connection, scope)?, count));
        }
    }
    Ok(counts)
}
