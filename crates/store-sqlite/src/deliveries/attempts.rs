//! Attempts as rows.

use fanfare_app::stored::{attempt as stored, code};
use fanfare_domain::attempt::Attempt;
use fanfare_domain::id::{AttemptId, DeliveryId};
use fanfare_domain::name::Scope;
use fanfare_domain::time::Timestamp;
use rusqlite::{Connection, Statement};

use crate::failure::Failure;
use crate::reader::Reading;
use crate::row::Row;
use crate::scopes;

/// Writes an attempt by [`record`].
pub(super) const RECORD: &str = "
    INSERT INTO attempts (id, scope, started_at, status, error, rest, response_body)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";

/// Writes an attempt by the statement [`RECORD`]; false where it was there.
pub(super) fn record(
    statement: &mut Statement<'_>,
    scope: i64,
    attempt: &Attempt,
) -> Result<bool, Failure> {
    let rest = stored::rest_to_text(attempt).map_err(fanfare_app::port::StoreError::unavailable)?;
    let body = (!attempt.response_body.is_empty()).then_some(&*attempt.response_body);
    let error = attempt.error.as_ref();
    let written = statement.execute((
        attempt.id.to_bytes(),
        scope,
        attempt.started_at.micros(),
        attempt.status,
        error.map(|error| code::of_error_kind(error.kind)),
        rest,
        body,
    ))?;
    Ok(written == 1)
}

/// The ids of all attempts that a delivery can have: from, and to with it.
pub(super) fn range(delivery: DeliveryId) -> ([u8; 16], [u8; 16]) {
    (
        delivery.attempt(0).to_bytes(),
        delivery.attempt(u16::MAX).to_bytes(),
    )
}

pub(super) fn of(
    reading: &Reading<'_>,
    scope: &Scope,
    delivery: DeliveryId,
) -> Result<Vec<Attempt>, Failure> {
    let connection = reading.connection;
    let Some(scope) = scopes::find(connection, scope)? else {
        return Ok(Vec::new());
    };
    let mut statement = connection.prepare_cached(
        "SELECT id, scope, started_at, status, error, rest, response_body FROM attempts
        WHERE id BETWEEN ?2 AND ?3 AND scope = ?1 ORDER BY id",
    )?;
    let (from, to) = range(delivery);
    let mut rows = statement.query((scope, from, to))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(&Row {
            row,
            table: "attempts",
            key: 1,
        })?);
    }
    Ok(found)
}

pub(super) fn replace_response(
    connection: &Connection,
    scope: &Scope,
    attempt: AttemptId,
    body: &[u8],
) -> Result<bool, Failure> {
    let Some(scope) = scopes::find(connection, scope)? else {
        return Ok(false);
    };
    let replaced = connection
        .prepare_cached("UPDATE attempts SET response_body = ?3 WHERE id = ?2 AND scope = ?1")?
        .execute((scope, attempt.to_bytes(), body))?;
    Ok(replaced == 1)
}

fn read(row: &Row<'_, '_>) -> Result<Attempt, Failure> {
    let error: Option<i64> = row.get(4, "error")?;
    let error = error
        .map(|number| {
            code::to_error_kind(number)
                .ok_or_else(|| row.corrupt("error", "no such number is known"))
        })
        .transpose()?;
    stored::from_columns(stored::Columns {
        id: AttemptId::from_bytes(row.get(0, "id")?),
        started_at: Timestamp::from_micros(row.get(2, "started_at")?),
        status: row.number_or_none(3, "status")?,
        error,
        rest: row.get(5, "rest")?,
        response_body: row.get(6, "response_body")?,
    })
    .map_err(|error| row.corrupt("rest", error))
}
