//! Attempts as rows.

use std::collections::HashSet;

use fanfare_app::port::StoreError;
use fanfare_app::stored::{attempt as stored, code};
use fanfare_domain::attempt::Attempt;
use fanfare_domain::id::AttemptId;
use fanfare_domain::name::Scope;
use fanfare_domain::time::Timestamp;
use tokio_postgres::types::Type;

use super::row::small;
use crate::bits::{Bits, Sparse, limit};
use crate::columns::Columns;
use crate::failure::Failure;
use crate::scopes::Scopes;
use crate::session::Session;

/// Writes attempts, each with the number of its tenant; answers those that were not there.
pub(super) async fn record(
    session: &Session,
    attempts: &[(i64, &Attempt)],
) -> Result<HashSet<AttemptId>, Failure> {
    if attempts.is_empty() {
        return Ok(HashSet::new());
    }
    let each = || attempts.iter().map(|(_, attempt)| *attempt);
    let ids: Vec<Bits> = each().map(|attempt| Bits(attempt.id.to_bytes())).collect();
    let scopes: Vec<i64> = attempts.iter().map(|(scope, _)| *scope).collect();
    let started: Vec<i64> = each().map(|attempt| attempt.started_at.micros()).collect();
    let status: Vec<Option<i32>> = each()
        .map(|attempt| attempt.status.map(i32::from))
        .collect();
    let errors: Sparse<i16> = each()
        .map(|attempt| attempt.error.as_ref())
        .map(|error| error.map(|error| small(code::of_error_kind(error.kind))))
        .collect();
    let rest: Vec<String> = each()
        .map(stored::rest_to_text)
        .collect::<Result<_, _>>()
        .map_err(StoreError::unavailable)?;
    let bodies: Sparse<&[u8]> = each()
        .map(|attempt| Some(&*attempt.response_body).filter(|body| !body.is_empty()))
        .collect();
    let rows = session
        .rows(
            "INSERT INTO fanfare.attempts (id, scope, started_at, status, error, rest, response_body)
            SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::integer[],
                $5::smallint[], $6::text[], $7::bytea[])
            ON CONFLICT (id) DO NOTHING RETURNING id",
            &[
                (&ids, Type::UUID_ARRAY),
                (&scopes, Type::INT8_ARRAY),
                (&started, Type::INT8_ARRAY),
                (&status, Type::INT4_ARRAY),
                (&errors, Type::INT2_ARRAY),
                (&rest, Type::TEXT_ARRAY),
                (&bodies, Type::BYTEA_ARRAY),
            ],
        )
        .await?;
    let read = |row: &tokio_postgres::Row| {
        let id: Bits = row.try_get(0)?;
        Ok(AttemptId::from_bytes(id.0))
    };
    rows.iter().map(read).collect()
}

/// The ids of all attempts that a delivery can have: from, and to with it.
pub(super) async fn behind(
    session: &Session,
    scopes: &Scopes,
    scope: &Scope,
    after: AttemptId,
    most: usize,
) -> Result<Vec<Attempt>, Failure> {
    let Some(number) = scopes.find(session, scope).await? else {
        return Ok(Vec::new());
    };
    let last = after.delivery().attempt(u16::MAX);
    let rows = session
        .rows(
            "SELECT id, started_at, status, error, rest, response_body FROM fanfare.attempts
            WHERE id > $2 AND id <= $3 AND scope = $1 ORDER BY id LIMIT $4",
            &[
                (&number, Type::INT8),
                (&Bits(after.to_bytes()), Type::UUID),
                (&Bits(last.to_bytes()), Type::UUID),
                (&limit(most), Type::INT8),
            ],
        )
        .await?;
    let read = |row| {
        read(&Columns {
            row,
            table: "attempts",
            id: Some(0),
        })
    };
    rows.iter().map(read).collect()
}

pub(super) async fn replace_response(
    session: &Session,
    scopes: &Scopes,
    scope: &Scope,
    attempt: AttemptId,
    body: &[u8],
) -> Result<bool, Failure> {
    let Some(number) = scopes.find(session, scope).await? else {
        return Ok(false);
    };
    let replaced = session
        .run(
            "UPDATE fanfare.attempts SET response_body = $3 WHERE id = $2 AND scope = $1",
            &[
                (&number, Type::INT8),
                (&Bits(attempt.to_bytes()), Type::UUID),
                (&body, Type::BYTEA),
            ],
        )
        .await?;
    Ok(replaced == 1)
}

fn read(row: &Columns<'_>) -> Result<Attempt, Failure> {
    let id: Bits = row.get(0, "id")?;
    let error: Option<i16> = row.get(3, "error")?;
    let error = error
        .map(|number| {
            code::to_error_kind(number.into())
                .ok_or_else(|| row.corrupt("error", "no such number is known"))
        })
        .transpose()?;
    stored::from_columns(stored::Columns {
        id: AttemptId::from_bytes(id.0),
        started_at: Timestamp::from_micros(row.get(1, "started_at")?),
        status: row.number_or_none(2, "status")?,
        error,
        rest: row.get(4, "rest")?,
        response_body: row.get(5, "response_body")?,
    })
    .map_err(|error| row.corrupt("rest", error))
}
