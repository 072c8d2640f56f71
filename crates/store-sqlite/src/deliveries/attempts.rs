//! Attempts as rows.

use std::net::SocketAddr;
use std::time::Duration;

use fanfare_domain::attempt::{Attempt, AttemptError, Headers, Timings, Trigger};
use fanfare_domain::id::{AttemptId, DeliveryId};
use fanfare_domain::name::Scope;
use fanfare_domain::time::Timestamp;
use rusqlite::Statement;
use serde::{Deserialize, Serialize};

use super::code;
use crate::failure::Failure;
use crate::reader::Reading;
use crate::row::Row;
use crate::scopes;

/// What is only ever read with the whole attempt: a JSON list, shorter than one with names. A later
/// form gets another number, and this one is still read.
#[derive(Serialize, Deserialize)]
struct Rest<U, D, H>(
    /// 1.
    u8,
    Trigger,
    U,
    Option<SocketAddr>,
    Option<String>,
    /// Look-up, connect, TLS, first byte, total; microseconds.
    [Option<u64>; 5],
    /// The error's detail.
    Option<D>,
    /// Headers sent, and headers of the answer.
    H,
    H,
    /// Whether the answer's body went on.
    bool,
);

const FORM: u8 = 1;

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn rest_to_text(attempt: &Attempt) -> Result<String, serde_json::Error> {
    let timings = &attempt.timings;
    let parts = [
        timings.lookup,
        timings.connect,
        timings.tls,
        timings.first_byte,
        Some(timings.total),
    ];
    serde_json::to_string(&Rest(
        FORM,
        attempt.trigger,
        &*attempt.url,
        attempt.address,
        attempt.http_version.clone(),
        parts.map(|part| part.map(micros)),
        attempt.error.as_ref().map(|error| &*error.detail),
        &attempt.request_headers,
        &attempt.response_headers,
        attempt.response_truncated,
    ))
}

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
    let rest = rest_to_text(attempt).map_err(fanfare_app::port::StoreError::unavailable)?;
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

fn read(row: &Row<'_, '_>) -> Result<Attempt, Failure> {
    let rest: String = row.get(5, "rest")?;
    let Rest(
        form,
        trigger,
        url,
        address,
        http_version,
        timings,
        detail,
        sent,
        answered,
        response_truncated,
    ): Rest<String, String, Headers> =
        serde_json::from_str(&rest).map_err(|error| row.corrupt("rest", error))?;
    if form != FORM {
        return Err(row.corrupt("rest", format!("it has the unknown form {form}")));
    }
    let error: Option<i64> = row.get(4, "error")?;
    let error = error
        .map(|number| {
            code::to_error_kind(number)
                .ok_or_else(|| row.corrupt("error", "no such number is known"))
        })
        .transpose()?
        .map(|kind| AttemptError {
            kind,
            detail: detail.unwrap_or_default(),
        });
    let [lookup, connect, tls, first_byte, total] =
        timings.map(|part| part.map(Duration::from_micros));
    let body: Option<Vec<u8>> = row.get(6, "response_body")?;
    Ok(Attempt {
        id: AttemptId::from_bytes(row.get(0, "id")?),
        started_at: Timestamp::from_micros(row.get(2, "started_at")?),
        trigger,
        url,
        address,
        http_version,
        timings: Timings {
            lookup,
            connect,
            tls,
            first_byte,
            total: total.unwrap_or_default(),
        },
        status: row.number_or_none(3, "status")?,
        error,
        request_headers: sent,
        response_headers: answered,
        response_body: body.unwrap_or_default(),
        response_truncated,
    })
}
