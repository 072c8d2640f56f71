//! Order: deliveries by their turn, and what holds a strand.

use fanfare_app::port::deliveries::{InTurn, Placed};
use fanfare_app::port::log::Position;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::{DeliveryId, EndpointId};
use fanfare_domain::name::Scope;
use fanfare_domain::order::{Ordering, Strand};
use rusqlite::{Connection, OptionalExtension};

use super::lookup::first_deliveries;
use super::row;
use crate::failure::Failure;
use crate::reader::Reading;
use crate::writer::Writing;

/// About how many bytes it writes to change a row's turn.
pub(super) const WEIGHT: usize = 256;

fn as_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(super) fn in_turn(
    reading: &mut Reading<'_>,
    endpoint: EndpointId,
    strand: Strand,
    from: Position,
    limit: usize,
) -> Result<InTurn, Failure> {
    let key = (endpoint.to_bytes(), strand.number());
    // Before the others: a hold that comes in between is one that the engine made itself.
    let held_by: Option<[u8; 16]> = reading
        .connection
        .prepare_cached(
            "SELECT id FROM deliveries INDEXED BY deliveries_holding
            WHERE holds = 1 AND endpoint = ?1 AND strand = ?2 LIMIT 1",
        )?
        .query_row(key, |row| row.get(0))
        .optional()?;
    let rest = "INDEXED BY deliveries_in_turn WHERE state = 0 AND strand IS NOT NULL
        AND endpoint = ?1 AND strand = ?2 AND position >= ?3 ORDER BY position LIMIT ?4";
    let deliveries = row::collect(reading, rest, (key.0, key.1, from, as_limit(limit)))?;
    Ok(InTurn {
        some_left_out: false,
        deliveries,
        held_by: held_by.map(DeliveryId::from_bytes),
    })
}

/// One seek for each strand and index, however many deliveries it has.
pub(super) fn strands(
    reading: &Reading<'_>,
    endpoint: EndpointId,
    after: Option<Strand>,
    limit: usize,
) -> Result<Vec<Strand>, Failure> {
    let mut waiting = reading.connection.prepare_cached(
        "SELECT strand FROM deliveries INDEXED BY deliveries_in_turn
        WHERE state = 0 AND strand IS NOT NULL AND endpoint = ?1 AND strand >= ?2
        ORDER BY strand LIMIT 1",
    )?;
    let mut holding = reading.connection.prepare_cached(
        "SELECT strand FROM deliveries INDEXED BY deliveries_holding
        WHERE holds = 1 AND endpoint = ?1 AND strand >= ?2 ORDER BY strand LIMIT 1",
    )?;
    let endpoint = endpoint.to_bytes();
    let mut from = match after {
        None => Some(i64::MIN),
        Some(strand) => strand.number().checked_add(1),
    };
    let mut found = Vec::new();
    while let Some(least) = from
        && found.len() < limit
    {
        let first = |statement: &mut rusqlite::CachedStatement<'_>| {
            statement
                .query_row((endpoint, least), |row| row.get::<_, i64>(0))
                .optional()
        };
        let next = match (first(&mut waiting)?, first(&mut holding)?) {
            (Some(one), Some(other)) => one.min(other),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => break,
        };
        found.push(Strand::from_number(next));
        from = next.checked_add(1);
    }
    Ok(found)
}

pub(super) fn out_of_turn(
    reading: &mut Reading<'_>,
    endpoint: EndpointId,
    ordering: Ordering,
    limit: usize,
) -> Result<Vec<Delivery>, Failure> {
    let with_strand = |which: &str| {
        format!(
            "INDEXED BY deliveries_in_turn WHERE state = 0 AND strand IS NOT NULL
            AND endpoint = ?1 AND {which} ORDER BY strand, position LIMIT ?2"
        )
    };
    let without_strand = |which: &str| {
        format!(
            "INDEXED BY deliveries_due WHERE state = 0 AND strand IS NULL
            AND endpoint = ?1 AND replay_of IS NULL AND {which} ORDER BY at, id LIMIT ?2"
        )
    };
    let wrong = match ordering {
        Ordering::Unordered => vec![with_strand("TRUE")],
        Ordering::ByKey => vec![
            with_strand("strand = 0"),
            without_strand("position IS NULL"),
        ],
        Ordering::Strict => vec![
            with_strand("strand < 0"),
            with_strand("strand > 0"),
            without_strand("position IS NULL"),
        ],
    };
    let mut found = Vec::new();
    for rest in wrong {
        let left = as_limit(limit - found.len());
        found.extend(row::collect(reading, &rest, (endpoint.to_bytes(), left))?);
    }
    Ok(found)
}

pub(super) fn place(writing: &mut Writing<'_>, placed: &[Placed]) -> Result<(), Failure> {
    let connection = writing.connection;
    let mut statement = connection.prepare_cached(
        "UPDATE deliveries SET position = ?3, strand = iif(batch IS NULL, ?4, NULL)
        WHERE scope = ?1 AND id = ?2 AND state = 0",
    )?;
    for each in placed {
        let scope = writing.state.scopes.number(connection, &each.scope)?;
        statement.execute((
            scope,
            each.id.to_bytes(),
            each.turn.map(|turn| turn.position),
            each.turn.and_then(|turn| turn.strand).map(Strand::number),
        ))?;
    }
    Ok(())
}

pub(super) fn holding(
    reading: &mut Reading<'_>,
    endpoints: &[EndpointId],
    most: usize,
) -> Result<Vec<Delivery>, Failure> {
    let rest = "INDEXED BY deliveries_holding WHERE holds = 1 AND endpoint = ?1
        ORDER BY strand LIMIT ?2";
    let mut found = Vec::new();
    for endpoint in endpoints {
        found.extend(row::collect(
            reading,
            rest,
            (endpoint.to_bytes(), as_limit(most)),
        )?);
    }
    Ok(found)
}

pub(super) fn lift_hold(
    writing: &mut Writing<'_>,
    scope: &Scope,
    id: DeliveryId,
) -> Result<bool, Failure> {
    let connection = writing.connection;
    let scope = writing.state.scopes.number(connection, scope)?;
    let lifted = connection
        .prepare_cached(
            "UPDATE deliveries SET holds = NULL WHERE scope = ?1 AND id = ?2 AND holds = 1",
        )?
        .execute((scope, id.to_bytes()))?;
    Ok(lifted == 1)
}

pub(super) fn lift_holds(
    writing: &mut Writing<'_>,
    endpoint: EndpointId,
    limit: usize,
) -> Result<usize, Failure> {
    let lifted = writing
        .connection
        .prepare_cached(
            "UPDATE deliveries SET holds = NULL WHERE seq IN (
                SELECT seq FROM deliveries INDEXED BY deliveries_holding
                WHERE holds = 1 AND endpoint = ?1 LIMIT ?2)",
        )?
        .execute((endpoint.to_bytes(), as_limit(limit)))?;
    Ok(lifted)
}

/// A replay was delivered: the event's own delivery to that endpoint holds nothing any more.
pub(super) fn replayed(connection: &Connection, replay: &Delivery) -> Result<(), Failure> {
    let (from, to) = first_deliveries(replay.event);
    connection
        .prepare_cached(
            "UPDATE deliveries INDEXED BY deliveries_holding SET holds = NULL
            WHERE holds = 1 AND endpoint = ?1 AND id BETWEEN ?2 AND ?3",
        )?
        .execute((replay.endpoint.to_bytes(), from, to))?;
    Ok(())
}
