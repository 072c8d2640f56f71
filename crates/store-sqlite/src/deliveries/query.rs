//! Listing a tenant's deliveries, newest first.
//!
//! Each combination of filters reads along the index that narrows it most, and compares the rest row
//! by row; a walk that finds too little for too long is given up by the reader's time.

use std::time::Duration;

use fanfare_app::port::deliveries::DeliveryQuery;
use fanfare_domain::delivery::{Delivery, StateName};
use fanfare_domain::id::{DeliveryId, EventId};
use rusqlite::params_from_iter;
use rusqlite::types::Value;

use super::{code, lookup, row};
use crate::failure::Failure;
use crate::reader::Reading;
use crate::scopes;

/// A statement's end, as it grows.
struct Rest {
    sql: String,
    params: Vec<Value>,
}

impl Rest {
    fn new(source: &str, scope: i64) -> Self {
        Self {
            sql: format!("{source} WHERE scope = ?"),
            params: vec![scope.into()],
        }
    }

    fn only(&mut self, clause: &str, value: impl Into<Value>) {
        self.sql.push_str(clause);
        self.params.push(value.into());
    }

    fn id(&mut self, clause: &str, id: [u8; 16]) {
        self.only(clause, id.to_vec());
    }

    /// Every filter but that for the event.
    fn filter(&mut self, query: &DeliveryQuery) {
        if let Some(endpoint) = query.endpoint {
            self.id(" AND endpoint = ?", endpoint.to_bytes());
        }
        if let Some(state) = query.state {
            self.only(" AND state = ?", code::of_state_name(state));
        }
        if let Some(event_type) = &query.event_type {
            self.only(" AND event_type = ?", event_type.as_str().to_owned());
        }
        // An id begins with its time in milliseconds, so a time bounds the range of ids to be read;
        // the time itself decides within the millisecond.
        if let Some(since) = query.since {
            self.id(" AND id >= ?", EventId::new(since, 0).to_bytes());
            self.only(" AND created_at >= ?", since.micros());
        }
        if let Some(until) = query.until {
            let past = until.after(Duration::from_millis(1));
            self.id(" AND id < ?", EventId::new(past, 0).to_bytes());
            self.only(" AND created_at < ?", until.micros());
        }
        if let Some(before) = query.before {
            self.id(" AND id < ?", before.to_bytes());
        }
    }

    fn read(mut self, reading: &mut Reading<'_>, limit: usize) -> Result<Vec<Delivery>, Failure> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.only(" ORDER BY id DESC LIMIT ?", limit);
        row::collect(reading, &self.sql, params_from_iter(self.params))
    }
}

pub(super) fn page(
    reading: &mut Reading<'_>,
    query: &DeliveryQuery,
) -> Result<Vec<Delivery>, Failure> {
    let Some(scope) = scopes::find(reading.connection, &query.scope)? else {
        return Ok(Vec::new());
    };
    if let Some(event) = query.event {
        return of_event(reading, scope, event, query);
    }
    let ended_otherwise = query
        .state
        .is_some_and(|state| state != StateName::Delivered);
    let mut rest = if ended_otherwise {
        let mut rest = Rest::new("INDEXED BY deliveries_exception", scope);
        rest.sql.push_str(" AND state <> 1");
        rest
    } else if query.endpoint.is_some() {
        Rest::new("INDEXED BY deliveries_endpoint", scope)
    } else {
        Rest::new("NOT INDEXED", scope)
    };
    rest.filter(query);
    rest.read(reading, query.limit)
}

/// The first deliveries are one range of ids, the replays stand in an index of their own.
fn of_event(
    reading: &mut Reading<'_>,
    scope: i64,
    event: EventId,
    query: &DeliveryQuery,
) -> Result<Vec<Delivery>, Failure> {
    let (from, to) = lookup::first_deliveries(event);
    let mut first = Rest::new("NOT INDEXED", scope);
    first.id(" AND id >= ?", from);
    first.id(" AND id <= ?", to);
    first.sql.push_str(" AND event IS NULL");
    first.filter(query);
    let mut replays = Rest::new("INDEXED BY deliveries_replay", scope);
    replays.sql.push_str(" AND event IS NOT NULL");
    replays.id(" AND event = ?", event.to_bytes());
    replays.filter(query);
    let mut found = replays.read(reading, query.limit)?;
    found.extend(first.read(reading, query.limit)?);
    found.sort_unstable_by_key(|delivery: &Delivery| std::cmp::Reverse::<DeliveryId>(delivery.id));
    found.truncate(query.limit);
    Ok(found)
}
