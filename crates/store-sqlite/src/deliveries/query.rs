//! Listing a tenant's deliveries, newest first.
//!
//! Each combination of filters reads along the list or index that narrows it most, and compares the
//! rest row by row; a walk that finds too little for too long is given up by the reader's time.

use fanfare_app::port::deliveries::DeliveryQuery;
use fanfare_app::stored::code;
use fanfare_domain::delivery::{Delivery, StateName};
use fanfare_domain::id::{DeliveryId, EventId};
use rusqlite::params_from_iter;
use rusqlite::types::Value;

use super::{lookup, row};
use crate::failure::Failure;
use crate::lists::{DELIVERIES, Filter, Owner, Page, Range};
use crate::reader::Reading;
use crate::scopes;

/// Every filter but those for the tenant and the event.
fn filter(filter: &mut Filter, query: &DeliveryQuery) {
    if let Some(endpoint) = query.endpoint {
        filter.only(" AND endpoint = ?", endpoint.to_bytes().to_vec());
    }
    if let Some(state) = query.state {
        filter.only(" AND state = ?", code::of_state_name(state));
    }
    if let Some(event_type) = &query.event_type {
        filter.only(" AND event_type = ?", event_type.as_str().to_owned());
    }
    if let Some(kind) = query.last_error {
        filter.only(" AND last_error = ?", code::of_error_kind(kind));
    }
    if let Some(status) = query.last_status {
        filter.only(" AND last_status = ?", status);
    }
    filter.times(query.since, query.until);
}

pub(super) fn page(
    reading: &mut Reading<'_>,
    query: &DeliveryQuery,
) -> Result<Vec<Delivery>, Failure> {
    let Some(scope) = scopes::find(reading.connection, &query.scope)? else {
        return Ok(Vec::new());
    };
    let before = query.before.map(|id| id.to_bytes());
    let range = Range::of(query.since, query.until, before);
    if let Some(event) = query.event {
        return of_event(reading, scope, event, range, query);
    }
    let ended_otherwise = query
        .state
        .is_some_and(|state| state != StateName::Delivered);
    if ended_otherwise {
        let source = "INDEXED BY deliveries_exception WHERE state <> 1";
        return along(reading, source, scope, &range, Filter::default(), query);
    }
    let owner = match query.endpoint {
        Some(endpoint) => Owner::Endpoint(endpoint.to_bytes()),
        None => Owner::Tenant(scope),
    };
    let mut page = Page::of(&DELIVERIES, owner, range, query.limit);
    // An endpoint may be asked for that is another tenant's.
    page.filter.only(" AND scope = ?", scope);
    filter(&mut page.filter, query);
    let places = page.places(reading.connection)?;
    let mut found = Vec::with_capacity(places.len());
    for seq in places {
        found.extend(row::collect(reading, "WHERE seq = ?1", [seq])?);
    }
    Ok(found)
}

/// Reads along an index that is always up to date: `source` names it, and what it needs.
fn along(
    reading: &mut Reading<'_>,
    source: &str,
    scope: i64,
    range: &Range,
    mut clauses: Filter,
    query: &DeliveryQuery,
) -> Result<Vec<Delivery>, Failure> {
    filter(&mut clauses, query);
    let rest = format!(
        "{source} AND scope = ? AND id >= ? AND id < ?{} ORDER BY id DESC LIMIT ?",
        clauses.sql()
    );
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    let ids = [&range.from, &range.before].map(|id| Value::from(id.clone()));
    let values = [scope.into()].into_iter().chain(ids);
    let values = values.chain(clauses.values()).chain([limit.into()]);
    row::collect(reading, &rest, params_from_iter(values))
}

/// The first deliveries are one range of ids, the replays stand in an index of their own.
fn of_event(
    reading: &mut Reading<'_>,
    scope: i64,
    event: EventId,
    range: Range,
    query: &DeliveryQuery,
) -> Result<Vec<Delivery>, Failure> {
    let mut clauses = Filter::default();
    clauses.only(" AND event = ?", event.to_bytes().to_vec());
    let replays = "INDEXED BY deliveries_replay WHERE event IS NOT NULL";
    let mut found = along(reading, replays, scope, &range, clauses, query)?;
    let (from, to) = lookup::first_deliveries(event);
    let range = range.within(&from, &to);
    let first = "INDEXED BY deliveries_id WHERE event IS NULL";
    found.extend(along(
        reading,
        first,
        scope,
        &range,
        Filter::default(),
        query,
    )?);
    found.sort_unstable_by_key(|delivery: &Delivery| std::cmp::Reverse::<DeliveryId>(delivery.id));
    found.truncate(query.limit);
    Ok(found)
}
