//! Listing a tenant's deliveries, newest first.
//!
//! A page is made of what waits and of what ended, each read along the index that narrows it most; the
//! rest is compared row by row.

use fanfare_app::port::deliveries::DeliveryQuery;
use fanfare_app::stored::code;
use fanfare_domain::delivery::{Delivery, StateName};
use fanfare_domain::time::Timestamp;
use postgres_types::{ToSql, Type};
use std::time::Duration;

use super::lookup::first_deliveries;
use super::row::{self, COLUMNS, ENDED, OPEN, small};
use crate::bits::{Bits, limit};
use crate::failure::Failure;
use crate::scopes::Scopes;
use crate::session::Session;

/// Clauses and their values.
#[derive(Default)]
pub(super) struct Filter {
    sql: String,
    values: Vec<(Box<dyn ToSql + Sync + Send>, Type)>,
}

impl Filter {
    /// One more clause; the value stands for its `?`.
    pub(super) fn only(
        &mut self,
        clause: &str,
        value: impl ToSql + Sync + Send + 'static,
        of: Type,
    ) {
        let place = self.value(value, of);
        self.sql.push_str(" AND ");
        self.sql.push_str(&clause.replacen('?', &place, 1));
    }

    /// One more value; answers what stands for it.
    pub(super) fn value(&mut self, value: impl ToSql + Sync + Send + 'static, of: Type) -> String {
        self.values.push((Box::new(value), of));
        format!("${}", self.values.len())
    }

    /// One more clause without a value.
    pub(super) fn also(&mut self, clause: &str) {
        self.sql.push_str(" AND ");
        self.sql.push_str(clause);
    }

    /// From one time, and before another. An id begins with its time in milliseconds, so times bound
    /// the partitions to be read; the time itself decides within the millisecond.
    pub(super) fn times(&mut self, since: Option<Timestamp>, until: Option<Timestamp>) {
        if let Some(since) = since {
            self.only("id >= ?", Bits::at(since), Type::UUID);
            self.only("created_at >= ?", since.micros(), Type::INT8);
        }
        if let Some(until) = until {
            let end = until.after(Duration::from_millis(1));
            self.only("id < ?", Bits::at(end), Type::UUID);
            self.only("created_at < ?", until.micros(), Type::INT8);
        }
    }

    /// All clauses, each after an `AND`.
    pub(super) fn sql(&self) -> &str {
        &self.sql
    }

    pub(super) fn params(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        let values = self.values.iter();
        values
            .map(|(value, of)| (&**value as &(dyn ToSql + Sync), of.clone()))
            .collect()
    }
}

pub(super) async fn page(
    session: &Session,
    scopes: &Scopes,
    query: &DeliveryQuery,
) -> Result<Vec<Delivery>, Failure> {
    let Some(scope) = scopes.find(session, &query.scope).await? else {
        return Ok(Vec::new());
    };
    let mut filter = Filter::default();
    filter.only("scope = ?", scope, Type::INT8);
    if let Some(endpoint) = query.endpoint {
        filter.only("endpoint = ?", Bits(endpoint.to_bytes()), Type::UUID);
    }
    if let Some(state) = query.state {
        let number = small(code::of_state_name(state));
        filter.only("state = ?", number, Type::INT2);
        if state != StateName::Delivered {
            // Says to the planner that the index of exceptions will do.
            filter.also("state <> 1");
        }
    }
    if let Some(event_type) = &query.event_type {
        filter.only("event_type = ?", event_type.as_str().to_owned(), Type::TEXT);
    }
    if let Some(kind) = query.last_error {
        let number = small(code::of_error_kind(kind));
        filter.only("last_error = ?", number, Type::INT2);
    }
    if let Some(status) = query.last_status {
        filter.only("last_status = ?", i32::from(status), Type::INT4);
    }
    filter.times(query.since, query.until);
    if let Some(before) = query.before {
        filter.only("id < ?", Bits(before.to_bytes()), Type::UUID);
    }
    let clauses = filter.sql().to_owned();
    let count = filter.value(limit(query.limit), Type::INT8);
    // The first deliveries of an event are one range of ids, its replays stand in an index of their own.
    let ways = match query.event {
        None => vec![String::new()],
        Some(event) => {
            let (from, to) = first_deliveries(event);
            let from = filter.value(from, Type::UUID);
            let to = filter.value(to, Type::UUID);
            let event = filter.value(Bits(event.to_bytes()), Type::UUID);
            vec![
                format!(" AND event IS NULL AND id BETWEEN {from} AND {to}"),
                format!(" AND event IS NOT NULL AND event = {event} AND id > {from}"),
            ]
        }
    };
    let tables: &[&str] = match query.state {
        Some(StateName::Waiting) => &[OPEN],
        Some(StateName::Delivered | StateName::Discarded) => &[ENDED],
        Some(StateName::Failed) | None => &[OPEN, ENDED],
    };
    let parts = tables.iter().flat_map(|table| {
        let (clauses, count) = (&clauses, &count);
        ways.iter().map(move |way| {
            format!(
                "(SELECT {COLUMNS} FROM {table} WHERE TRUE{clauses}{way}
                ORDER BY id DESC LIMIT {count})"
            )
        })
    });
    let parts: Vec<String> = parts.collect();
    let sql = format!(
        "SELECT * FROM ({}) AS parts ORDER BY id DESC LIMIT {count}",
        parts.join(" UNION ALL ")
    );
    let rows = session.rows(&sql, &filter.params()).await?;
    let mut found = row::read_all(session, scopes, &rows).await?;
    // Two rows of one delivery: what ended is one of them, and counts.
    found.dedup_by(|one, other| {
        let same = one.id == other.id;
        if same && one.state.ended() {
            std::mem::swap(one, other);
        }
        same
    });
    Ok(found)
}
