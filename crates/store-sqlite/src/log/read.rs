//! Reading events.

use std::collections::HashSet;
use std::sync::Arc;

use fanfare_app::port::log::{Event, EventQuery, EventRef, EventWalk, Position};
use fanfare_domain::id::EventId;
use fanfare_domain::name::Scope;
use rusqlite::{OptionalExtension, Params};

use super::row;
use crate::failure::Failure;
use crate::lists::{EVENTS, Owner, Page, Range};
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

pub(super) fn positions_after(
    reading: &Reading<'_>,
    position: Position,
    limit: usize,
) -> Result<Vec<Position>, Failure> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = reading.connection.prepare_cached(
        "SELECT position FROM events WHERE position > ?1 ORDER BY position LIMIT ?2",
    )?;
    let found = statement.query_map((position, limit), |row| row.get(0))?;
    Ok(found.collect::<Result<_, _>>()?)
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

pub(super) fn positions(
    reading: &Reading<'_>,
    scope: &Scope,
    ids: &[EventId],
) -> Result<Vec<(EventId, Position)>, Failure> {
    let connection = reading.connection;
    let Some(scope) = scopes::find(connection, scope)? else {
        return Ok(Vec::new());
    };
    let mut statement =
        connection.prepare_cached("SELECT position FROM events WHERE scope = ?1 AND id = ?2")?;
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        let position: Option<Position> = statement
            .query_row((scope, id.to_bytes()), |row| row.get(0))
            .optional()?;
        found.extend(position.map(|position| (*id, position)));
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
    let before = query.before.map(|id| id.to_bytes());
    let range = Range::of(query.since, query.until, before);
    let mut page = Page::of(&EVENTS, Owner::Tenant(scope), range, query.limit);
    page.filter.times(query.since, query.until);
    if let Some(event_type) = &query.event_type {
        page.filter
            .only(" AND event_type = ?", event_type.as_str().to_owned());
    }
    let places = page.places(reading.connection)?;
    let mut found = Vec::with_capacity(places.len());
    for position in places {
        found.extend(events(collect(reading, "WHERE position = ?1", [position])?));
    }
    Ok(found)
}

pub(super) fn walk(
    reading: &mut Reading<'_>,
    walk: &EventWalk,
) -> Result<Vec<Arc<Event>>, Failure> {
    let Some(scope) = scopes::find(reading.connection, &walk.scope)? else {
        return Ok(Vec::new());
    };
    let (since, until) = (Some(walk.since), Some(walk.until));
    let mut range = Range::of(since, until, None);
    if let Some(after) = walk.after {
        range = range.behind(&after.to_bytes());
    }
    let mut page = Page::of(&EVENTS, Owner::Tenant(scope), range, walk.limit).oldest_first();
    page.filter.times(since, until);
    let places = page.places(reading.connection)?;
    let mut found = Vec::with_capacity(places.len());
    for position in places {
        found.extend(events(collect(reading, "WHERE position = ?1", [position])?));
    }
    Ok(found)
}

pub(super) fn with_payload(
    reading: &Reading<'_>,
    scope: &Scope,
    ids: &[EventId],
) -> Result<HashSet<EventId>, Failure> {
    let connection = reading.connection;
    let Some(scope) = scopes::find(connection, scope)? else {
        return Ok(HashSet::new());
    };
    // The length stands before the data, so none of that is read.
    let mut statement = connection
        .prepare_cached("SELECT 1 FROM events WHERE scope = ?1 AND id = ?2 AND length(data) > 0")?;
    let mut found = HashSet::new();
    for id in ids {
        if statement.exists((scope, id.to_bytes()))? {
            found.insert(*id);
        }
    }
    Ok(found)
}
