//! Reading events.

use std::sync::Arc;

use fanfare_app::port::log::{Event, EventQuery, EventRef, Position};
use fanfare_domain::id::EventId;
use fanfare_domain::name::Scope;
use rusqlite::types::Value;
use rusqlite::{Params, params_from_iter};

use super::row;
use crate::failure::Failure;
use crate::reader::Reading;
use crate::scopes;

type Found = Vec<(Position, Arc<Event>)>;

fn collect(reading: &mut Reading<'_>, rest: &str, params: impl Params) -> Result<Found, Failure> {
    let sql = format!("SELECT {} FROM events {rest}", row::COLUMNS);
    let connection = reading.connection;
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(row::read(connection, reading.scopes, row)?);
    }
    Ok(found)
}

fn events(found: Found) -> impl Iterator<Item = Arc<Event>> {
    found.into_iter().map(|(_, event)| event)
}

pub(super) fn after(
    reading: &mut Reading<'_>,
    position: Position,
    limit: usize,
) -> Result<Found, Failure> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    collect(
        reading,
        "WHERE position > ?1 ORDER BY position LIMIT ?2",
        (position, limit),
    )
}

pub(super) fn one(
    reading: &mut Reading<'_>,
    scope: &Scope,
    event: &EventRef,
) -> Result<Option<Arc<Event>>, Failure> {
    let Some(scope) = scopes::find(reading.connection, scope)? else {
        return Ok(None);
    };
    let found = match event {
        EventRef::Id(id) => collect(
            reading,
            "WHERE scope = ?1 AND id = ?2",
            (scope, id.to_bytes()),
        ),
        EventRef::Uid(uid) => collect(reading, "WHERE scope = ?1 AND uid = ?2", (scope, uid)),
    };
    Ok(events(found?).next())
}

pub(super) fn by_id(
    reading: &mut Reading<'_>,
    scope: &Scope,
    ids: &[EventId],
) -> Result<Vec<Arc<Event>>, Failure> {
    let Some(scope) = scopes::find(reading.connection, scope)? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        let rest = "WHERE scope = ?1 AND id = ?2";
        found.extend(events(collect(reading, rest, (scope, id.to_bytes()))?));
    }
    Ok(found)
}

pub(super) fn page(
    reading: &mut Reading<'_>,
    query: &EventQuery,
) -> Result<Vec<Arc<Event>>, Failure> {
    let Some(scope) = scopes::find(reading.connection, &query.scope)? else {
        return Ok(Vec::new());
    };
    let (mut rest, mut params) = ("WHERE scope = ?".to_owned(), vec![Value::from(scope)]);
    let mut only = |clause: &str, value: Value| {
        rest.push_str(clause);
        params.push(value);
    };
    // An id begins with its time in milliseconds, so a time bounds the range of ids to be read; the
    // time itself decides within the millisecond.
    if let Some(since) = query.since {
        only(
            " AND id >= ?",
            EventId::new(since, 0).to_bytes().to_vec().into(),
        );
        only(" AND created_at >= ?", since.micros().into());
    }
    if let Some(until) = query.until {
        let past = until.after(std::time::Duration::from_millis(1));
        only(
            " AND id < ?",
            EventId::new(past, 0).to_bytes().to_vec().into(),
        );
        only(" AND created_at < ?", until.micros().into());
    }
    if let Some(before) = query.before {
        only(" AND id < ?", before.to_bytes().to_vec().into());
    }
    if let Some(event_type) = &query.event_type {
        only(" AND event_type = ?", event_type.as_str().to_owned().into());
    }
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    only(" ORDER BY id DESC LIMIT ?", limit.into());
    let rest = rest.replacen("WHERE", "INDEXED BY events_id WHERE", 1);
    Ok(events(collect(reading, &rest, params_from_iter(params))?).collect())
}
