//! Attempts as rows.

use fanfare_app::stored::{attempt as stored, code};
use fanfare_domain::attempt::Attempt;
use fanfare_domain::id::{AttemptId, DeliveryId};
use fanfare_domain::name::Scope;
use fanfare_domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Statement};

use crate::failure::Failure;
use crate::reader::Reading;
use crate::row::Row;
use crate::scopes;

/// Writes an attempt by [`record`].
pub(super) const RECORD: &str = "
    INSERT INTO attempts (place, started_at, status, error, rest, response_body)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";

/// Writes an attempt of the delivery with this `seq` by the statement [`RECORD`]; false where it was there.
pub(super) fn record(
    statement: &mut Statement<'_>,
    seq: i64,
    attempt: &Attempt,
) -> Result<bool, Failure> {
    let rest = stored::rest_to_text(attempt).map_err(fanfare_app::port::StoreError::unavailable)?;
    let body = (!attempt.response_body.is_empty()).then_some(&*attempt.response_body);
    let error = attempt.error.as_ref();
    let written = statement.execute((
        place(seq, attempt.id.number()),
        attempt.started_at.micros(),
        attempt.status,
        error.map(|error| code::of_error_kind(error.kind)),
        rest,
        body,
    ))?;
    Ok(written == 1)
}

/// How many bits of a place are the attempt's number.
const NUMBER_BITS: u32 = 16;

/// Where the attempt with a number stands, of the delivery with this `seq`.
pub(super) const fn place(seq: i64, number: u16) -> i64 {
    (seq << NUMBER_BITS) | number as i64
}

/// The places of all attempts that a delivery can have: from, and to with it.
pub(super) const fn places(seq: i64) -> (i64, i64) {
    (place(seq, 0), place(seq, u16::MAX))
}

/// The `seq` of a tenant's delivery.
fn seq(
    connection: &Connection,
    scope: &Scope,
    delivery: DeliveryId,
) -> Result<Option<i64>, Failure> {
    let Some(scope) = scopes::find(connection, scope)? else {
        return Ok(None);
    };
    let found = connection
        .prepare_cached("SELECT seq FROM deliveries WHERE scope = ?1 AND id = ?2")?
        .query_row((scope, delivery.to_bytes()), |row| row.get(0))
        .optional()?;
    Ok(found)
}

pub(super) fn behind(
    reading: &Reading<'_>,
    scope: &Scope,
    after: AttemptId,
    limit: usize,
) -> Result<Vec<Attempt>, Failure> {
    let connection = reading.connection;
    let delivery = after.delivery();
    let Some(seq) = seq(connection, scope, delivery)? else {
        return Ok(Vec::new());
    };
    let mut statement = connection.prepare_cached(
        "SELECT place, started_at, status, error, rest, response_body FROM attempts
        WHERE place > ?1 AND place <= ?2 ORDER BY place LIMIT ?3",
    )?;
    let (_, last) = places(seq);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query((place(seq, after.number()), last, limit))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let row = Row {
            row,
            table: "attempts",
            key: 1,
        };
        found.push(read(&row, delivery)?);
    }
    Ok(found)
}

pub(super) fn replace_response(
    connection: &Connection,
    scope: &Scope,
    attempt: AttemptId,
    body: &[u8],
) -> Result<bool, Failure> {
    let Some(seq) = seq(connection, scope, attempt.delivery())? else {
        return Ok(false);
    };
    let replaced = connection
        .prepare_cached("UPDATE attempts SET response_body = ?2 WHERE place = ?1")?
        .execute((place(seq, attempt.number()), body))?;
    Ok(replaced == 1)
}

fn read(row: &Row<'_, '_>, delivery: DeliveryId) -> Result<Attempt, Failure> {
    let place: i64 = row.get(0, "place")?;
    let number = u16::try_from(place & i64::from(u16::MAX)).unwrap_or_default();
    let error: Option<i64> = row.get(3, "error")?;
    let error = error
        .map(|number| {
            code::to_error_kind(number)
                .ok_or_else(|| row.corrupt("error", "no such number is known"))
        })
        .transpose()?;
    stored::from_columns(stored::Columns {
        id: delivery.attempt(number),
        started_at: Timestamp::from_micros(row.get(1, "started_at")?),
        status: row.number_or_none(2, "status")?,
        error,
        rest: row.get(4, "rest")?,
        response_body: row.get(5, "response_body")?,
    })
    .map_err(|error| row.corrupt("rest", error))
}
