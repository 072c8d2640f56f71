//! What a store counts, and how far a move is.

use fanfare_app::port::StoreError;
use fanfare_app::transfer::{Chunk, Cursor, OpenError, Part, Reached, Refusal, State};
use tokio_postgres::types::Type;

use super::cannot;
use crate::address::Address;
use crate::deliveries::first_without_rows;
use crate::failure::Failure;
use crate::log::last_given;
use crate::session::Session;

/// The row of `moving` that says from where the move is; parts have the others.
const ORIGIN: &str = "origin";

pub(super) async fn read(session: &Session) -> Result<State, Failure> {
    let last_position = last_given(session).await?;
    let next = first_without_rows(session).await?;
    let row = session
        .row(
            "SELECT value FROM fanfare.counters WHERE name = 'revision' AND node = 0",
            &[],
        )
        .await?;
    let revision: Option<i64> = row.map_or(Ok(None), |row| row.try_get(0))?;
    Ok(State {
        revision: revision.unwrap_or(0),
        last_position,
        materialised: next.map_or(last_position, |next| next - 1),
    })
}

pub(super) async fn write(session: &Session, state: State) -> Result<(), Failure> {
    session.batch("BEGIN").await?;
    session
        .run(
            "INSERT INTO fanfare.counters (name, node, value)
            VALUES ('revision', 0, $1), ('materialised', 0, $2)
            ON CONFLICT (name, node) DO UPDATE SET value = excluded.value",
            &[
                (&state.revision, Type::INT8),
                (&state.materialised, Type::INT8),
            ],
        )
        .await?;
    session
        .rows(
            "SELECT setval('fanfare.positions', greatest($1::bigint, 1), $1::bigint > 0)",
            &[(&state.last_position, Type::INT8)],
        )
        .await?;
    session.batch("COMMIT").await
}

fn failed(address: &Address) -> impl Fn(Failure) -> OpenError {
    let cannot = cannot(address);
    move |failure| cannot(failure.into())
}

/// Refuses a target that was begun from elsewhere.
pub(super) async fn must_be_from(
    session: &Session,
    address: &Address,
    origin: &str,
) -> Result<(), OpenError> {
    let row = session
        .row(
            "SELECT cursor FROM fanfare.moving WHERE part = $1",
            &[(&ORIGIN, Type::TEXT)],
        )
        .await
        .map_err(failed(address))?;
    let begun: Option<String> = row.and_then(|row| row.try_get(0).ok());
    let begun = begun.unwrap_or_default();
    if begun == origin {
        return Ok(());
    }
    let refusal = Refusal::OtherMove {
        place: address.to_string(),
        begun,
        asked: origin.to_owned(),
    };
    Err(refusal.into())
}

/// Begins a move into this store, if nothing is in it.
pub(super) async fn begin(
    session: &Session,
    address: &Address,
    origin: &str,
) -> Result<(), OpenError> {
    let failed = failed(address);
    // Nobody joins meanwhile; who wanted to, finds the mark.
    let lock = "BEGIN; LOCK TABLE fanfare.nodes IN SHARE MODE";
    session.batch(lock).await.map_err(&failed)?;
    super::others::nobody(session, address).await?;
    for table in [
        "documents",
        "events",
        "idempotency_keys",
        "open_deliveries",
        "deliveries",
        "attempts",
        "tallies",
        "jobs",
    ] {
        let some = format!("SELECT EXISTS (SELECT FROM fanfare.{table})");
        let row = session.row(&some, &[]).await.map_err(&failed)?;
        if row.is_some_and(|row| row.try_get(0).unwrap_or(true)) {
            let refusal = Refusal::NotEmpty {
                place: address.to_string(),
                what: table.replace('_', " "),
            };
            return Err(refusal.into());
        }
    }
    session
        .batch(
            "CREATE TABLE fanfare.moving (
                part text PRIMARY KEY, cursor text, rows bigint NOT NULL, done boolean NOT NULL
            )",
        )
        .await
        .map_err(&failed)?;
    session
        .run(
            "INSERT INTO fanfare.moving (part, cursor, rows, done) VALUES ($1, $2, 0, false)",
            &[(&ORIGIN, Type::TEXT), (&origin, Type::TEXT)],
        )
        .await
        .map_err(&failed)?;
    session.batch("COMMIT").await.map_err(&failed)
}

pub(super) async fn reached(session: &Session, part: Part) -> Result<Reached, Failure> {
    let row = session
        .row(
            "SELECT cursor, rows, done FROM fanfare.moving WHERE part = $1",
            &[(&part.name(), Type::TEXT)],
        )
        .await?;
    let Some(row) = row else {
        return Ok(Reached::default());
    };
    let (cursor, rows): (Option<String>, i64) = (row.try_get(0)?, row.try_get(1)?);
    let unreadable = || StoreError::corrupt("moving.cursor", "it is no cursor");
    let cursor = cursor
        .map(|text| Cursor::from_text(&text).ok_or_else(unreadable))
        .transpose()?;
    Ok(Reached {
        cursor,
        rows: u64::try_from(rows).unwrap_or(0),
        done: row.try_get(2)?,
    })
}

/// Notes in the running transaction how far a part is with this chunk.
pub(super) async fn reach(session: &Session, part: Part, chunk: &Chunk) -> Result<(), Failure> {
    let cursor = chunk.next.as_ref().map(Cursor::to_text);
    session
        .run(
            "INSERT INTO fanfare.moving AS moving (part, cursor, rows, done) VALUES ($1, $2, $3, $4)
            ON CONFLICT (part) DO UPDATE SET cursor = excluded.cursor,
            rows = moving.rows + excluded.rows, done = excluded.done",
            &[
                (&part.name(), Type::TEXT),
                (&cursor, Type::TEXT),
                (&crate::bits::limit(chunk.rows.len()), Type::INT8),
                (&chunk.rows.is_empty(), Type::BOOL),
            ],
        )
        .await
        .map(drop)
}

/// Lets the planner know what is there, and takes the mark away.
pub(super) async fn finish(session: &Session) -> Result<(), Failure> {
    session
        .batch(
            "ANALYZE fanfare.scopes, fanfare.documents, fanfare.events, fanfare.payloads,
            fanfare.event_uids, fanfare.idempotency_keys, fanfare.open_deliveries,
            fanfare.deliveries, fanfare.attempts, fanfare.tallies, fanfare.jobs",
        )
        .await?;
    session.batch("DROP TABLE fanfare.moving").await
}
