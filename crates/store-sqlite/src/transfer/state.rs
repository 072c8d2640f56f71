//! What a store counts, and how far a move is.

use std::path::Path;

use fanfare_app::port::StoreError;
use fanfare_app::transfer::{Chunk, Cursor, OpenError, Part, Reached, Refusal, State};
use rusqlite::{Connection, OptionalExtension};

use super::{failed, write};
use crate::failure::Failure;
use crate::lists::{DELIVERIES, EVENTS};
use crate::log::last_position;

/// The row of `moving` that says from where the move is; parts have the others.
const ORIGIN: &str = "origin";

fn counter(connection: &Connection, name: &str) -> Result<i64, Failure> {
    let value = connection
        .prepare_cached("SELECT value FROM counters WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    Ok(value.unwrap_or(0))
}

pub(super) fn read(connection: &Connection) -> Result<State, Failure> {
    let last_position = last_position(connection)?;
    let materialised = counter(connection, "materialised")?;
    let next: Option<i64> = connection
        .prepare_cached("SELECT min(position) FROM events WHERE position > ?1")?
        .query_row([materialised], |row| row.get(0))?;
    Ok(State {
        revision: counter(connection, "revision")?,
        last_position,
        materialised: next.map_or(last_position, |next| next - 1),
    })
}

pub(super) fn write(connection: &mut Connection, state: State) -> Result<(), Failure> {
    let transaction = connection.transaction()?;
    {
        let mut set = transaction.prepare_cached(
            "INSERT INTO counters (name, value) VALUES (?1, ?2)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )?;
        set.execute(("revision", state.revision))?;
        set.execute(("last_position", state.last_position))?;
        set.execute(("materialised", state.materialised))?;
        // Rows were written with their entries.
        set.execute((EVENTS.counter(), state.last_position))?;
        set.execute((DELIVERIES.counter(), write::last_seq(&transaction)?))?;
    }
    transaction.commit()?;
    Ok(())
}

/// Begins a move into this store, or finds that one is to go on.
pub(super) fn begin(
    connection: &mut Connection,
    path: &Path,
    origin: &str,
) -> Result<(), OpenError> {
    let sql = failed(path);
    let place = path.display().to_string();
    if crate::open::unfinished(connection).map_err(&sql)? {
        let begun: Option<String> = connection
            .query_row(
                "SELECT cursor FROM moving WHERE part = ?1",
                [ORIGIN],
                |row| row.get(0),
            )
            .map_err(&sql)?;
        let begun = begun.unwrap_or_default();
        if begun == origin {
            return Ok(());
        }
        let asked = origin.to_owned();
        return Err(Refusal::OtherMove {
            place,
            begun,
            asked,
        }
        .into());
    }
    for table in [
        "documents",
        "events",
        "idempotency_keys",
        "deliveries",
        "attempts",
        "tallies",
        "jobs",
    ] {
        let some = format!("SELECT EXISTS (SELECT 1 FROM {table})");
        let some: bool = (connection.query_row(&some, [], |row| row.get(0))).map_err(&sql)?;
        if some {
            let what = table.replace('_', " ");
            return Err(Refusal::NotEmpty { place, what }.into());
        }
    }
    let transaction = connection.transaction().map_err(&sql)?;
    transaction
        .execute_batch(
            "CREATE TABLE moving (
                part TEXT PRIMARY KEY, cursor TEXT, rows INTEGER NOT NULL, done INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID",
        )
        .map_err(&sql)?;
    transaction
        .execute(
            "INSERT INTO moving (part, cursor, rows, done) VALUES (?1, ?2, 0, 0)",
            (ORIGIN, origin),
        )
        .map_err(&sql)?;
    transaction.commit().map_err(&sql)
}

pub(super) fn reached(connection: &Connection, part: Part) -> Result<Reached, Failure> {
    let found: Option<(Option<String>, i64, bool)> = connection
        .query_row(
            "SELECT cursor, rows, done FROM moving WHERE part = ?1",
            [part.name()],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    let Some((cursor, rows, done)) = found else {
        return Ok(Reached::default());
    };
    let unreadable = || StoreError::corrupt("moving.cursor", "it is no cursor");
    let cursor = cursor
        .map(|text| Cursor::from_text(&text).ok_or_else(unreadable))
        .transpose()?;
    Ok(Reached {
        cursor,
        rows: u64::try_from(rows).unwrap_or(0),
        done,
    })
}

/// Notes in the running transaction how far a part is with this chunk.
pub(super) fn reach(connection: &Connection, part: Part, chunk: &Chunk) -> Result<(), Failure> {
    connection
        .prepare_cached(
            "INSERT INTO moving (part, cursor, rows, done) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (part) DO UPDATE SET cursor = excluded.cursor,
            rows = rows + excluded.rows, done = excluded.done",
        )?
        .execute((
            part.name(),
            chunk.next.as_ref().map(Cursor::to_text),
            i64::try_from(chunk.rows.len()).unwrap_or(i64::MAX),
            chunk.rows.is_empty(),
        ))?;
    Ok(())
}

/// Takes the mark away, and copies the write-ahead log into the file.
pub(super) fn finish(connection: &Connection) -> Result<(), Failure> {
    connection.execute_batch("DROP TABLE moving")?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}
