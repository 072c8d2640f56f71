//! Events as rows.

use std::sync::Arc;

use bytes::Bytes;
use fanfare_app::port::log::{Event, Position};
use fanfare_app::stored::event as stored;
use fanfare_domain::id::EventId;
use fanfare_domain::name::{EventTypeName, Scope};
use fanfare_domain::time::Timestamp;
use rusqlite::Connection;

use crate::failure::Failure;
use crate::row::Row;
use crate::scopes::ScopeNames;

/// What [`read`] reads, in its order.
pub(super) const COLUMNS: &str = "position, scope, id, created_at, event_type, subcategory, \
    attributes, uid, targets, data, ordering_key, \
    deliver_at, expires_at, data_until";

/// Reads a row of [`COLUMNS`].
pub(super) fn read(
    connection: &Connection,
    scopes: &mut ScopeNames,
    row: &rusqlite::Row<'_>,
) -> Result<(Position, Arc<Event>), Failure> {
    let row = Row {
        row,
        table: "events",
        key: 1,
    };
    let scope: i64 = row.get(1, "scope")?;
    read_of(&row, scopes.name(connection, scope)?)
}

/// Reads a row of [`COLUMNS`] whose scope is known.
pub(super) fn read_of(row: &Row<'_, '_>, scope: Scope) -> Result<(Position, Arc<Event>), Failure> {
    let event_type: String = row.get(4, "event_type")?;
    let event_type =
        EventTypeName::parse(&event_type).map_err(|error| row.corrupt("event_type", error))?;
    let attributes: Option<String> = row.get(6, "attributes")?;
    let attributes = stored::attributes_from_text(attributes.as_deref())
        .map_err(|error| row.corrupt("attributes", error))?;
    let targets: Vec<u8> = row.get(8, "targets")?;
    let targets = stored::targets_from_bytes(&targets)
        .ok_or_else(|| row.corrupt("targets", "its length is no multiple of 16"))?;
    let data: Vec<u8> = row.get(9, "data")?;
    let time = |index, name| {
        let micros: Option<i64> = row.get(index, name)?;
        Ok::<_, Failure>(micros.map(Timestamp::from_micros))
    };
    let event = Event {
        id: EventId::from_bytes(row.get(2, "id")?),
        scope,
        uid: row.get(7, "uid")?,
        event_type,
        subcategory: row.get(5, "subcategory")?,
        attributes,
        ordering_key: row.get(10, "ordering_key")?,
        created_at: Timestamp::from_micros(row.get(3, "created_at")?),
        deliver_at: time(11, "deliver_at")?,
        expires_at: time(12, "expires_at")?,
        data_until: time(13, "data_until")?,
        data: Bytes::from(data),
        targets,
    };
    Ok((row.get(0, "position")?, Arc::new(event)))
}
