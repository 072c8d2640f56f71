//! Appending events. Twins are found here, inside the transaction: those of the same call or batch
//! are rows of it already.

use std::sync::Arc;

use fanfare_app::port::StoreError;
use fanfare_app::port::log::{Append, Appended, Event, Position};
use fanfare_app::stored::event as stored;
use fanfare_domain::name::Scope;
use rusqlite::{Connection, OptionalExtension};

use super::row;
use crate::failure::Failure;
use crate::row::Row;
use crate::writer::Writing;

/// About how many bytes an event writes.
pub(super) fn weight(append: &Append) -> usize {
    append.event.data.len() + 16 * append.event.targets.len() + 256
}

pub(super) fn all(writing: &mut Writing<'_>, events: &[Append]) -> Result<Vec<Appended>, Failure> {
    let mut last = match writing.state.last_position {
        Some(last) => last,
        None => last_position(writing.connection)?,
    };
    let mut answers = Vec::with_capacity(events.len());
    for append in events {
        answers.push(one(writing, append, &mut last)?);
    }
    writing.state.last_position = Some(last);
    Ok(answers)
}

/// The highest position that any event ever had.
pub(crate) fn last_position(connection: &Connection) -> Result<Position, Failure> {
    let present: Option<Position> = connection
        .prepare_cached("SELECT max(position) FROM events")?
        .query_row([], |row| row.get(0))?;
    let dropped: Option<Position> = connection
        .prepare_cached("SELECT value FROM counters WHERE name = 'last_position'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(present.unwrap_or(0).max(dropped.unwrap_or(0)))
}

fn one(
    writing: &mut Writing<'_>,
    append: &Append,
    last: &mut Position,
) -> Result<Appended, Failure> {
    let connection = writing.connection;
    let scope = writing
        .state
        .scopes
        .number(connection, &append.event.scope)?;
    if let Some(answer) = by_key(connection, append)? {
        return Ok(answer);
    }
    if let Some(answer) = by_uid(connection, append, scope)? {
        return Ok(answer);
    }
    let position = *last + 1;
    insert(connection, append, scope, position)?;
    writing.state.listed_events.added(position, weight(append));
    *last = position;
    Ok(Appended::At(position))
}

fn insert(
    connection: &Connection,
    append: &Append,
    scope: i64,
    position: Position,
) -> Result<(), Failure> {
    let event = &append.event;
    // The content is compared with that of later events of the same uid only.
    let content = event.uid.as_ref().and(append.content.as_ref());
    connection
        .prepare_cached(
            "INSERT INTO events (position, scope, id, created_at, event_type, subcategory,
            attributes, uid, content, targets, data, ordering_key, deliver_at, expires_at,
            data_until)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )?
        .execute((
            position,
            scope,
            event.id.to_bytes(),
            event.created_at.micros(),
            event.event_type.as_str(),
            &event.subcategory,
            stored::attributes_to_text(&event.attributes).map_err(StoreError::unavailable)?,
            &event.uid,
            content,
            stored::targets_to_bytes(&event.targets),
            &*event.data,
            &event.ordering_key,
            event.deliver_at.map(|at| at.micros()),
            event.expires_at.map(|at| at.micros()),
            event.data_until.map(|at| at.micros()),
        ))?;
    if let Some(key) = &append.idempotency {
        // An expired key's row is taken over.
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO idempotency_keys (digest, content, expires_at, position)
                VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((key.digest, key.content, key.expires_at.micros(), position))?;
    }
    Ok(())
}

/// What the `Idempotency-Key` says: none when it is new, has expired, or its event is not kept any
/// more.
fn by_key(connection: &Connection, append: &Append) -> Result<Option<Appended>, Failure> {
    let Some(key) = &append.idempotency else {
        return Ok(None);
    };
    let found: Option<([u8; 16], Position)> = connection
        .prepare_cached(
            "SELECT content, position FROM idempotency_keys WHERE digest = ?1 AND expires_at > ?2",
        )?
        .query_row((key.digest, append.event.created_at.micros()), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let Some((content, position)) = found else {
        return Ok(None);
    };
    let Some(event) = at(connection, position, &append.event.scope)? else {
        return Ok(None);
    };
    Ok(Some(if content == key.content {
        Appended::Twin(event)
    } else {
        Appended::KeyReused
    }))
}

/// What the caller's id says: none when it is new.
fn by_uid(
    connection: &Connection,
    append: &Append,
    scope: i64,
) -> Result<Option<Appended>, Failure> {
    let Some(uid) = &append.event.uid else {
        return Ok(None);
    };
    let found: Option<(Position, Option<[u8; 16]>)> = connection
        .prepare_cached("SELECT position, content FROM events WHERE scope = ?1 AND uid = ?2")?
        .query_row((scope, uid), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((position, content)) = found else {
        return Ok(None);
    };
    if content != append.content {
        return Ok(Some(Appended::UidTaken));
    }
    Ok(at(connection, position, &append.event.scope)?.map(Appended::Twin))
}

/// The event at a position, which is one of `scope`.
fn at(
    connection: &Connection,
    position: Position,
    scope: &Scope,
) -> Result<Option<Arc<Event>>, Failure> {
    let sql = format!("SELECT {} FROM events WHERE position = ?1", row::COLUMNS);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([position])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let row = Row {
        row,
        table: "events",
        key: 1,
    };
    row::read_of(&row, scope.clone()).map(|(_, event)| Some(event))
}
