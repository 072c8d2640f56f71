//! What waits.

use fanfare_app::port::deliveries::{Backlog, Count, Due, MOST_COUNTED, WaitingLane};
use fanfare_domain::delivery::{Delivery, DeliveryState};
use fanfare_domain::id::EndpointId;
use fanfare_domain::name::Scope;
use fanfare_domain::time::Timestamp;
use rusqlite::{CachedStatement, OptionalExtension};

use super::row;
use crate::failure::Failure;
use crate::reader::Reading;
use crate::scopes;

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
    let counted: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM deliveries INDEXED BY deliveries_waiting
                WHERE state = 0 LIMIT ?1)",
        )?
        .query_row([one_more(MOST_COUNTED)], |row| row.get(0))?;
    // Ids sort by the time at which they were made.
    let oldest: Option<i64> = connection
        .prepare_cached(
            "SELECT created_at FROM deliveries INDEXED BY deliveries_waiting WHERE state = 0
            ORDER BY id LIMIT 1",
        )?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(Backlog {
        waiting: up_to(counted, MOST_COUNTED),
        oldest: oldest.map(Timestamp::from_micros),
    })
}

/// One range of an index for each tenant, which holds all that is read.
pub(super) fn waiting_of(
    reading: &Reading<'_>,
    tenants: &[(Scope, u64)],
) -> Result<Vec<Count>, Failure> {
    let connection = reading.connection;
    let mut statement = connection.prepare_cached(
        "SELECT count(*) FROM (SELECT 1 FROM deliveries INDEXED BY deliveries_exception
            WHERE state <> 1 AND scope = ?1 AND state = 0 LIMIT ?2)",
    )?;
    let mut counts = Vec::with_capacity(tenants.len());
    for (tenant, most) in tenants {
        let counted = match scopes::find(connection, tenant)? {
            Some(scope) => statement.query_row((scope, one_more(*most)), |row| row.get(0))?,
            None => 0,
        };
        counts.push(up_to(counted, *most));
    }
    Ok(counts)
}

fn one_more(most: u64) -> i64 {
    i64::try_from(most.saturating_add(1)).unwrap_or(i64::MAX)
}

fn up_to(counted: i64, most: u64) -> Count {
    let counted = u64::try_from(counted).unwrap_or(0);
    match counted > most {
        true => Count::AtLeast(counted),
        false => Count::Exact(counted),
    }
}
