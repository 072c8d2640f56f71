//! Events as rows.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use fanfare_app::port::log::{Event, Position};
use fanfare_app::stored::event as stored;
use fanfare_domain::id::EventId;
use fanfare_domain::name::{EventTypeName, Scope};
use fanfare_domain::time::Timestamp;
use tokio_postgres::types::Type;

use crate::bits::Bits;
use crate::columns::Columns;
use crate::failure::Failure;
use crate::scopes::Scopes;
use crate::session::{Params, Session};

/// What is read, in its order.
const COLUMNS: &str = "id, position, scope, created_at, deliver_at, expires_at, event_type, uid, \
    subcategory, attributes, ordering_key, targets, data_until";

/// Events with their payloads.
pub(super) async fn collect(
    session: &Session,
    scopes: &Scopes,
    which: &str,
    params: Params<'_>,
) -> Result<Vec<(Position, Arc<Event>)>, Failure> {
    let sql = format!("SELECT {COLUMNS} FROM fanfare.events WHERE {which}");
    let rows = session.rows(&sql, params).await?;
    let numbers: Vec<i64> = (rows.iter().map(|row| row.try_get(2))).collect::<Result<_, _>>()?;
    scopes.learn(session, numbers.iter().copied()).await?;
    let ids: Vec<Bits> = (rows.iter().map(|row| row.try_get(0))).collect::<Result<_, _>>()?;
    let mut payloads = payloads(session, &ids).await?;
    let mut found = Vec::with_capacity(rows.len());
    for ((row, number), id) in rows.iter().zip(numbers).zip(ids) {
        let columns = Columns {
            row,
            table: "events",
            id: Some(0),
        };
        let data = payloads.remove(&id).unwrap_or_default();
        let event = read(&columns, scopes.name(number)?, data)?;
        found.push((columns.get(1, "position")?, Arc::new(event)));
    }
    Ok(found)
}

/// By ids that are given as they are, so that only their partitions are looked at.
async fn payloads(session: &Session, ids: &[Bits]) -> Result<HashMap<Bits, Bytes>, Failure> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = session
        .rows(
            "SELECT id, data FROM fanfare.payloads WHERE id = ANY($1)",
            &[(&ids, Type::UUID_ARRAY)],
        )
        .await?;
    let mut payloads = HashMap::with_capacity(rows.len());
    for row in rows {
        let data: Vec<u8> = row.try_get(1)?;
        payloads.insert(row.try_get(0)?, Bytes::from(data));
    }
    Ok(payloads)
}

fn read(row: &Columns<'_>, scope: Scope, data: Bytes) -> Result<Event, Failure> {
    let event_type: &str = row.get(6, "event_type")?;
    let event_type =
        EventTypeName::parse(event_type).map_err(|error| row.corrupt("event_type", error))?;
    let attributes = stored::attributes_from_text(row.get(9, "attributes")?)
        .map_err(|error| row.corrupt("attributes", error))?;
    let targets = stored::targets_from_bytes(row.get(11, "targets")?)
        .ok_or_else(|| row.corrupt("targets", "its length is no multiple of 16"))?;
    let time = |at, name| {
        let micros: Option<i64> = row.get(at, name)?;
        Ok::<_, Failure>(micros.map(Timestamp::from_micros))
    };
    let id: Bits = row.get(0, "id")?;
    Ok(Event {
        id: EventId::from_bytes(id.0),
        scope,
        uid: row.get(7, "uid")?,
        event_type,
        subcategory: row.get(8, "subcategory")?,
        attributes,
        ordering_key: row.get(10, "ordering_key")?,
        created_at: Timestamp::from_micros(row.get(3, "created_at")?),
        deliver_at: time(4, "deliver_at")?,
        expires_at: time(5, "expires_at")?,
        data_until: time(12, "data_until")?,
        data,
        targets,
    })
}
