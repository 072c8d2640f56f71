//! Looking single things up.

use std::collections::{HashMap, HashSet};

use fanfare_app::port::log::Position;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::{DeliveryId, EndpointId, EventId};
use fanfare_domain::name::Scope;
use rusqlite::OptionalExtension;

use super::row;
use crate::failure::Failure;
use crate::reader::Reading;
use crate::scopes;

pub(super) fn materialised(reading: &Reading<'_>) -> Result<Position, Failure> {
    let position = reading
        .connection
        .prepare_cached("SELECT value FROM counters WHERE name = 'materialised'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(position.unwrap_or(0))
}

pub(super) fn existing(
    reading: &Reading<'_>,
    scope: &Scope,
    ids: &[DeliveryId],
) -> Result<HashSet<DeliveryId>, Failure> {
    let connection = reading.connection;
    let Some(scope) = scopes::find(connection, scope)? else {
        return Ok(HashSet::new());
    };
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM deliveries WHERE scope = ?1 AND id = ?2")?;
    let mut found = HashSet::new();
    for id in ids {
        if statement.exists((scope, id.to_bytes()))? {
            found.insert(*id);
        }
    }
    Ok(found)
}

pub(super) fn one(
    reading: &mut Reading<'_>,
    scope: &Scope,
    id: DeliveryId,
) -> Result<Option<Delivery>, Failure> {
    let Some(scope) = scopes::find(reading.connection, scope)? else {
        return Ok(None);
    };
    let rest = "WHERE scope = ?1 AND id = ?2";
    Ok(row::collect(reading, rest, (scope, id.to_bytes()))?.pop())
}

pub(super) fn some(
    reading: &mut Reading<'_>,
    scope: &Scope,
    ids: &[DeliveryId],
) -> Result<HashMap<DeliveryId, Delivery>, Failure> {
    let Some(scope) = scopes::find(reading.connection, scope)? else {
        return Ok(HashMap::new());
    };
    let rest = "WHERE scope = ?1 AND id = ?2";
    let mut found = HashMap::with_capacity(ids.len());
    for id in ids {
        let row = row::collect(reading, rest, (scope, id.to_bytes()))?.pop();
        found.extend(row.map(|row| (*id, row)));
    }
    Ok(found)
}

/// The newest replay of each event to its endpoint.
pub(super) fn repeats(
    reading: &mut Reading<'_>,
    scope: &Scope,
    deliveries: &[(EventId, EndpointId)],
) -> Result<HashMap<(EventId, EndpointId), Delivery>, Failure> {
    let Some(scope) = scopes::find(reading.connection, scope)? else {
        return Ok(HashMap::new());
    };
    let rest = "INDEXED BY deliveries_replay
        WHERE event IS NOT NULL AND event = ?1 AND endpoint = ?2 AND scope = ?3
        ORDER BY id DESC LIMIT 1";
    let mut found = HashMap::new();
    for (event, endpoint) in deliveries {
        let place = (event.to_bytes(), endpoint.to_bytes(), scope);
        let row = row::collect(reading, rest, place)?.pop();
        found.extend(row.map(|row| ((*event, *endpoint), row)));
    }
    Ok(found)
}

/// The ids of all first deliveries that an event can have: from, and to with it.
pub(super) fn first_deliveries(event: EventId) -> ([u8; 16], [u8; 16]) {
    (
        event.delivery(0).to_bytes(),
        event.delivery(u16::MAX - 1).to_bytes(),
    )
}

pub(super) fn waiting_events(
    reading: &Reading<'_>,
    ids: &[EventId],
) -> Result<HashSet<EventId>, Failure> {
    let connection = reading.connection;
    let mut first = connection.prepare_cached(
        "SELECT 1 FROM deliveries INDEXED BY deliveries_waiting
        WHERE state = 0 AND id BETWEEN ?1 AND ?2 AND event IS NULL LIMIT 1",
    )?;
    let mut replays = connection.prepare_cached(
        "SELECT 1 FROM deliveries INDEXED BY deliveries_replay
        WHERE event IS NOT NULL AND event = ?1 AND state = 0 LIMIT 1",
    )?;
    let mut found = HashSet::new();
    for id in ids {
        if first.exists(first_deliveries(*id))? || replays.exists([id.to_bytes()])? {
            found.insert(*id);
        }
    }
    Ok(found)
}
