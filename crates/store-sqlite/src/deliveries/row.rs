//! Deliveries as rows.

use fanfare_app::stored::code;
use fanfare_domain::batch::InBatch;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::{DeliveryId, EndpointId, EventId};
use fanfare_domain::name::{EventTypeName, Scope};
use fanfare_domain::order::{Strand, Turn};
use fanfare_domain::time::Timestamp;
use rusqlite::Params;

use crate::failure::Failure;
use crate::reader::Reading;
use crate::row::Row;

/// What [`read`] reads, in its order.
const COLUMNS: &str = "scope, id, event, endpoint, event_type, state, reason, at, attempts, \
    extra_attempts, replay_of, created_at, first_attempt_at, last_status, last_error, position, \
    strand, holds, expires_at, batch";

/// All deliveries of `SELECT … FROM deliveries` and `rest`.
pub(super) fn collect(
    reading: &mut Reading<'_>,
    rest: &str,
    params: impl Params,
) -> Result<Vec<Delivery>, Failure> {
    let mut found = Vec::new();
    each(reading, rest, params, |delivery| {
        found.push(delivery);
        true
    })?;
    Ok(found)
}

/// Tells of each delivery of `SELECT … FROM deliveries` and `rest`, as long as `go_on` says so.
pub(super) fn each(
    reading: &mut Reading<'_>,
    rest: &str,
    params: impl Params,
    mut go_on: impl FnMut(Delivery) -> bool,
) -> Result<(), Failure> {
    let sql = format!("SELECT {COLUMNS} FROM deliveries {rest}");
    let connection = reading.connection;
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        let row = Row {
            row,
            table: "deliveries",
            key: 2,
        };
        let scope = row.get(0, "scope")?;
        if !go_on(read(&row, reading.scopes.name(connection, scope)?)?) {
            break;
        }
    }
    Ok(())
}

fn read(row: &Row<'_, '_>, scope: Scope) -> Result<Delivery, Failure> {
    let id = DeliveryId::from_bytes(row.get(1, "id")?);
    let event: Option<[u8; 16]> = row.get(2, "event")?;
    let event_type: String = row.get(4, "event_type")?;
    let event_type =
        EventTypeName::parse(&event_type).map_err(|error| row.corrupt("event_type", error))?;
    let at = Timestamp::from_micros(row.get(7, "at")?);
    let state = code::to_state(row.get(5, "state")?, row.get(6, "reason")?, at)
        .map_err(|column| row.corrupt(column, "no such number is known"))?;
    let replay_of: Option<[u8; 16]> = row.get(10, "replay_of")?;
    let first_attempt_at: Option<i64> = row.get(12, "first_attempt_at")?;
    let expires_at: Option<i64> = row.get(18, "expires_at")?;
    let last_error: Option<i64> = row.get(14, "last_error")?;
    let last_error = last_error
        .map(|number| {
            code::to_error_kind(number)
                .ok_or_else(|| row.corrupt("last_error", "no such number is known"))
        })
        .transpose()?;
    let position: Option<i64> = row.get(15, "position")?;
    let strand: Option<i64> = row.get(16, "strand")?;
    let holds: Option<bool> = row.get(17, "holds")?;
    let batch: Option<[u8; 16]> = row.get(19, "batch")?;
    let turn = position.map(|position| Turn {
        position,
        strand: strand.map(Strand::from_number),
        holds: holds == Some(true),
    });
    Ok(Delivery {
        id,
        scope,
        event: event.map_or_else(|| id.event(), EventId::from_bytes),
        event_type,
        endpoint: EndpointId::from_bytes(row.get(3, "endpoint")?),
        state,
        attempts: row.number(8, "attempts")?,
        extra_attempts: row.number(9, "extra_attempts")?,
        replay_of: replay_of.map(DeliveryId::from_bytes),
        created_at: Timestamp::from_micros(row.get(11, "created_at")?),
        expires_at: expires_at.map(Timestamp::from_micros),
        first_attempt_at: first_attempt_at.map(Timestamp::from_micros),
        last_status: row.number_or_none(13, "last_status")?,
        last_error,
        turn,
        batch: batch.map(InBatch::from_bytes),
    })
}
