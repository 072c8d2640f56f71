//! Looking single things up.

use std::collections::{HashMap, HashSet};

use fanfare_app::port::StoreError;
use fanfare_app::port::log::Position;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::{DeliveryId, EndpointId, EventId};
use fanfare_domain::name::Scope;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::row::{self, COLUMNS, ENDED, OPEN, read_id};
use crate::bits::{Bits, bits};
use crate::failure::Failure;
use crate::log::settled;
use crate::scopes::Scopes;
use crate::session::Session;

pub(super) async fn materialised(session: &Session, node: i64) -> Result<Position, Failure> {
    // The node's readiness is judged by this: a server that takes no writes is of no use.
    let row = session
        .row(
            "SELECT (SELECT value FROM fanfare.counters WHERE name = 'materialised' AND node = $1),
            current_setting('transaction_read_only') = 'on'",
            &[(&node, Type::INT8)],
        )
        .await?;
    let (position, read_only): (Option<Position>, bool) = match row {
        Some(row) => (row.try_get(0)?, row.try_get(1)?),
        None => (None, false),
    };
    if read_only {
        session.spoil();
        return Err(StoreError::unavailable("the server takes no writes").into());
    }
    Ok(position.unwrap_or(0))
}

/// Whether every delivery up to a position has its row, of whatever node.
pub(super) async fn have_all_rows(session: &Session, up_to: Position) -> Result<bool, Failure> {
    if settled(session).await? < up_to {
        // A commit is under way before it.
        return Ok(false);
    }
    Ok(first_without_rows(session)
        .await?
        .is_none_or(|first| first > up_to))
}

/// The first position in the log whose deliveries may have no rows yet; what a node that is forgotten
/// accepted has all.
pub(crate) async fn first_without_rows(session: &Session) -> Result<Option<Position>, Failure> {
    let row = session
        .row(
            "SELECT min(next.position) FROM fanfare.nodes AS node CROSS JOIN LATERAL (
                SELECT event.position FROM fanfare.events AS event
                WHERE event.node = node.id AND event.position > coalesce((
                    SELECT value FROM fanfare.counters AS counter
                    WHERE counter.name = 'materialised' AND counter.node = node.id), 0)
                ORDER BY event.position LIMIT 1) AS next",
            &[],
        )
        .await?;
    row.map_or(Ok(None), |row| Ok(row.try_get(0)?))
}

/// Which of these have ended, of whatever tenant.
pub(super) async fn ended(session: &Session, ids: &[Bits]) -> Result<Vec<DeliveryId>, Failure> {
    let rows = session
        .rows(
            "SELECT id FROM fanfare.deliveries WHERE id = ANY($1)",
            &[(&ids, Type::UUID_ARRAY)],
        )
        .await?;
    rows.iter().map(read_id).collect()
}

pub(super) async fn existing(
    session: &Session,
    scopes: &Scopes,
    scope: &Scope,
    ids: &[DeliveryId],
) -> Result<HashSet<DeliveryId>, Failure> {
    let Some(number) = scopes.find(session, scope).await? else {
        return Ok(HashSet::new());
    };
    let ids = bits(ids, DeliveryId::to_bytes);
    let rows = session
        .rows(
            "SELECT id FROM fanfare.open_deliveries WHERE scope = $1 AND id = ANY($2)
            UNION ALL SELECT id FROM fanfare.deliveries WHERE scope = $1 AND id = ANY($2)",
            &[(&number, Type::INT8), (&ids, Type::UUID_ARRAY)],
        )
        .await?;
    rows.iter().map(read_id).collect()
}

pub(super) async fn one(
    session: &Session,
    scopes: &Scopes,
    scope: &Scope,
    id: DeliveryId,
) -> Result<Option<Delivery>, Failure> {
    Ok(some(session, scopes, scope, &[id]).await?.remove(&id))
}

/// What ended counts, should a row stand among what waits as well.
pub(super) async fn some(
    session: &Session,
    scopes: &Scopes,
    scope: &Scope,
    ids: &[DeliveryId],
) -> Result<HashMap<DeliveryId, Delivery>, Failure> {
    let Some(number) = scopes.find(session, scope).await? else {
        return Ok(HashMap::new());
    };
    let ids = bits(ids, DeliveryId::to_bytes);
    let sql = format!(
        "SELECT {COLUMNS} FROM {OPEN} WHERE scope = $1 AND id = ANY($2)
        UNION ALL SELECT {COLUMNS} FROM {ENDED} WHERE scope = $1 AND id = ANY($2)"
    );
    let rows = session
        .rows(&sql, &[(&number, Type::INT8), (&ids, Type::UUID_ARRAY)])
        .await?;
    let found = row::read_all(session, scopes, &rows).await?;
    Ok(found.into_iter().map(|row| (row.id, row)).collect())
}

/// The newest replay of each event to its endpoint.
pub(super) async fn repeats(
    session: &Session,
    scopes: &Scopes,
    scope: &Scope,
    deliveries: &[(EventId, EndpointId)],
) -> Result<HashMap<(EventId, EndpointId), Delivery>, Failure> {
    let Some(number) = scopes.find(session, scope).await? else {
        return Ok(HashMap::new());
    };
    let (events, endpoints): (Vec<Bits>, Vec<Bits>) = deliveries
        .iter()
        .map(|(event, endpoint)| (Bits(event.to_bytes()), Bits(endpoint.to_bytes())))
        .unzip();
    // Replays are younger than their events, so older partitions are left alone.
    let oldest = events.iter().min().copied().unwrap_or(Bits::END);
    let newest = |table| {
        format!(
            "(SELECT {COLUMNS} FROM {table} WHERE event IS NOT NULL AND event = asked.event
            AND endpoint = asked.endpoint AND scope = $3 AND id >= $4
            ORDER BY id DESC LIMIT 1)"
        )
    };
    let sql = format!(
        "SELECT found.* FROM unnest($1::uuid[], $2::uuid[]) AS asked (event, endpoint)
        CROSS JOIN LATERAL (
            SELECT * FROM ({} UNION ALL {}) AS both_tables ORDER BY id DESC LIMIT 1
        ) AS found",
        newest(OPEN),
        newest(ENDED)
    );
    let rows = session
        .rows(
            &sql,
            &[
                (&events, Type::UUID_ARRAY),
                (&endpoints, Type::UUID_ARRAY),
                (&number, Type::INT8),
                (&oldest, Type::UUID),
            ],
        )
        .await?;
    let found = row::read_all(session, scopes, &rows).await?.into_iter();
    Ok(found.map(|row| ((row.event, row.endpoint), row)).collect())
}

/// The ids of all first deliveries that an event can have: from, and to with it.
pub(super) fn first_deliveries(event: EventId) -> (Bits, Bits) {
    (
        Bits(event.delivery(0).to_bytes()),
        Bits(event.delivery(u16::MAX - 1).to_bytes()),
    )
}

pub(super) async fn waiting_events(
    session: &Session,
    ids: &[EventId],
) -> Result<HashSet<EventId>, Failure> {
    let (from, to): (Vec<Bits>, Vec<Bits>) = ids.iter().map(|id| first_deliveries(*id)).unzip();
    let ids = bits(ids, EventId::to_bytes);
    let rows = session
        .rows(
            "SELECT event FROM unnest($1::uuid[], $2::uuid[], $3::uuid[])
                AS asked (event, first_id, last_id)
            WHERE EXISTS (SELECT FROM fanfare.open_deliveries AS row WHERE row.state = 0
                AND row.id BETWEEN asked.first_id AND asked.last_id AND row.event IS NULL)
            OR EXISTS (SELECT FROM fanfare.open_deliveries AS row WHERE row.state = 0
                AND row.event IS NOT NULL AND row.event = asked.event)",
            &[
                (&ids, Type::UUID_ARRAY),
                (&from, Type::UUID_ARRAY),
                (&to, Type::UUID_ARRAY),
            ],
        )
        .await?;
    let read = |row: &Row| {
        let id: Bits = row.try_get(0)?;
        Ok(EventId::from_bytes(id.0))
    };
    rows.iter().map(read).collect()
}
