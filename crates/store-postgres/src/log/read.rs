//! Reading events.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use fanfare_app::port::Found;
use fanfare_app::port::log::{Event, EventQuery, EventRef, EventWalk, Position};
use fanfare_domain::id::EventId;
use fanfare_domain::name::Scope;
use tokio_postgres::types::Type;

use super::row;
use crate::bits::{Bits, bits, limit};
use crate::failure::Failure;
use crate::scopes::Scopes;
use crate::session::{Params, Session};

async fn events(
    session: &Session,
    scopes: &Scopes,
    which: &str,
    params: Params<'_>,
) -> Result<Vec<Arc<Event>>, Failure> {
    let found = row::collect(session, scopes, which, params).await?;
    Ok(found.into_iter().map(|(_, event)| event).collect())
}

pub(super) async fn one(
    session: &Session,
    scopes: &Scopes,
    scope: &Scope,
    event: &EventRef,
) -> Result<Option<Arc<Event>>, Failure> {
    let Some(number) = scopes.find(session, scope).await? else {
        return Ok(None);
    };
    let id = match event {
        EventRef::Id(id) => Bits(id.to_bytes()),
        EventRef::Uid(uid) => {
            let row = session
                .row(
                    "SELECT event FROM fanfare.event_uids WHERE scope = $1 AND uid = $2",
                    &[(&number, Type::INT8), (uid, Type::TEXT)],
                )
                .await?;
            match row {
                Some(row) => row.try_get(0)?,
                None => return Ok(None),
            }
        }
    };
    let mut found = events(
        session,
        scopes,
        "scope = $1 AND id = $2",
        &[(&number, Type::INT8), (&id, Type::UUID)],
    )
    .await?;
    Ok(found.pop())
}

pub(super) async fn by_id(
    session: &Session,
    scopes: &Scopes,
    scope: &Scope,
    ids: &[EventId],
) -> Result<Vec<Arc<Event>>, Failure> {
    let Some(number) = scopes.find(session, scope).await? else {
        return Ok(Vec::new());
    };
    let ids = bits(ids, EventId::to_bytes);
    events(
        session,
        scopes,
        "scope = $1 AND id = ANY($2)",
        &[(&number, Type::INT8), (&ids, Type::UUID_ARRAY)],
    )
    .await
}

pub(super) async fn positions(
    session: &Session,
    scopes: &Scopes,
    scope: &Scope,
    ids: &[EventId],
) -> Result<Vec<(EventId, Position)>, Failure> {
    let Some(number) = scopes.find(session, scope).await? else {
        return Ok(Vec::new());
    };
    let ids = bits(ids, EventId::to_bytes);
    let rows = session
        .rows(
            "SELECT id, position FROM fanfare.events WHERE scope = $1 AND id = ANY($2)",
            &[(&number, Type::INT8), (&ids, Type::UUID_ARRAY)],
        )
        .await?;
    let read = |row: &tokio_postgres::Row| {
        let id: Bits = row.try_get(0)?;
        Ok((EventId::from_bytes(id.0), row.try_get(1)?))
    };
    rows.iter().map(read).collect()
}

/// The ids from one time to before another, cut by the times themselves within their milliseconds.
fn span(
    since: Option<fanfare_domain::time::Timestamp>,
    until: Option<fanfare_domain::time::Timestamp>,
) -> (Bits, Bits) {
    let millisecond = Duration::from_millis(1);
    (
        since.map_or(Bits([0; 16]), Bits::at),
        until.map_or(Bits::END, |until| Bits::at(until.after(millisecond))),
    )
}

/// The most events that one step of a search looks at.
const LOOKED_AT: usize = 4_000;

/// All of a page, however many events that takes to look at; each step is bounded.
pub(super) async fn page(
    session: &Session,
    scopes: &Scopes,
    query: &EventQuery,
) -> Result<Vec<Arc<Event>>, Failure> {
    let mut rest = query.clone();
    let mut all = Vec::new();
    while let Some((at, left)) = search(session, scopes, &rest)
        .await?
        .collect_into(&mut all, query.limit)
    {
        (rest.before, rest.limit) = (Some(at), left);
    }
    Ok(all)
}

/// One step of it.
pub(super) async fn search(
    session: &Session,
    scopes: &Scopes,
    query: &EventQuery,
) -> Result<Found<Arc<Event>, EventId>, Failure> {
    let mut search = Found {
        found: Vec::new(),
        stopped_at: None,
    };
    let Some(number) = scopes.find(session, &query.scope).await? else {
        return Ok(search);
    };
    let (from, end) = span(query.since, query.until);
    let before = query.before.map_or(end, |id| Bits(id.to_bytes()).min(end));
    let since = query.since.map_or(0, |since| since.micros());
    let until = query.until.map_or(i64::MAX, |until| until.micros());
    let in_time = "scope = $1 AND id >= $2 AND id < $3 AND created_at >= $4 AND created_at < $5";
    let count = limit(query.limit);
    let mut params: Vec<(&(dyn tokio_postgres::types::ToSql + Sync), Type)> = vec![
        (&number, Type::INT8),
        (&from, Type::UUID),
        (&before, Type::UUID),
        (&since, Type::INT8),
        (&until, Type::INT8),
        (&count, Type::INT8),
    ];
    let Some(name) = query.event_type.as_ref().map(|name| name.as_str()) else {
        let which = format!("{in_time} ORDER BY id DESC LIMIT $6");
        search.found = events(session, scopes, &which, &params).await?;
        return Ok(search);
    };
    let most = limit(LOOKED_AT);
    params.push((&name, Type::TEXT));
    params.push((&most, Type::INT8));
    // The last that was looked at comes at the end, where the bound was reached.
    let sql = format!(
        "WITH looked_at AS MATERIALIZED (
            SELECT id, event_type FROM fanfare.events WHERE {in_time} ORDER BY id DESC LIMIT $8)
        (SELECT id, true FROM looked_at WHERE event_type = $7 ORDER BY id DESC LIMIT $6)
        UNION ALL (SELECT id, false FROM looked_at ORDER BY id DESC OFFSET $8 - 1 LIMIT 1)"
    );
    let mut ids: Vec<Bits> = Vec::new();
    for row in session.rows(&sql, &params).await? {
        let id: Bits = row.try_get(0)?;
        if row.try_get(1)? {
            ids.push(id);
        } else if ids.len() < query.limit {
            search.stopped_at = Some(EventId::from_bytes(id.0));
        }
    }
    if !ids.is_empty() {
        search.found = events(
            session,
            scopes,
            "scope = $1 AND id = ANY($2) ORDER BY id DESC",
            &[(&number, Type::INT8), (&ids, Type::UUID_ARRAY)],
        )
        .await?;
    }
    Ok(search)
}

pub(super) async fn walk(
    session: &Session,
    scopes: &Scopes,
    walk: &EventWalk,
) -> Result<Vec<Arc<Event>>, Failure> {
    let Some(number) = scopes.find(session, &walk.scope).await? else {
        return Ok(Vec::new());
    };
    let (from, before) = span(Some(walk.since), Some(walk.until));
    let after = walk.after.map_or([0; 16], EventId::to_bytes);
    events(
        session,
        scopes,
        "scope = $1 AND id >= $2 AND id < $3 AND created_at >= $4 AND created_at < $5
        AND id > $6 ORDER BY id LIMIT $7",
        &[
            (&number, Type::INT8),
            (&from, Type::UUID),
            (&before, Type::UUID),
            (&walk.since.micros(), Type::INT8),
            (&walk.until.micros(), Type::INT8),
            (&Bits(after), Type::UUID),
            (&limit(walk.limit), Type::INT8),
        ],
    )
    .await
}

pub(super) async fn with_payload(
    session: &Session,
    scopes: &Scopes,
    scope: &Scope,
    ids: &[EventId],
) -> Result<HashSet<EventId>, Failure> {
    let Some(number) = scopes.find(session, scope).await? else {
        return Ok(HashSet::new());
    };
    let ids = bits(ids, EventId::to_bytes);
    let rows = session
        .rows(
            "SELECT id FROM fanfare.payloads WHERE id = ANY($2) AND id IN (
                SELECT id FROM fanfare.events WHERE scope = $1 AND id = ANY($2))",
            &[(&number, Type::INT8), (&ids, Type::UUID_ARRAY)],
        )
        .await?;
    let read = |row: &tokio_postgres::Row| {
        let id: Bits = row.try_get(0)?;
        Ok(EventId::from_bytes(id.0))
    };
    rows.iter().map(read).collect()
}
