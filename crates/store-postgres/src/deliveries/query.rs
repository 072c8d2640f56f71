//! Listing a tenant's deliveries, newest first.
//!
//! A page is made of what waits and of what ended, each read along the index that narrows it most; the
//! rest is compared row by row. Where something is compared, a step looks at so many rows and no more, and
//! says where it stopped: what is rare among very many is found by several steps, each of them short.

use fanfare_app::port::Found;
use fanfare_app::port::deliveries::DeliveryQuery;
use fanfare_app::stored::code;
use fanfare_domain::delivery::{Delivery, StateName};
use fanfare_domain::id::DeliveryId;
use fanfare_domain::time::Timestamp;
use postgres_types::{ToSql, Type};
use std::time::Duration;

use super::lookup::first_deliveries;
use super::row::{self, COLUMNS, ENDED, OPEN, small};
use crate::bits::{Bits, limit};
use crate::failure::Failure;
use crate::scopes::Scopes;
use crate::session::Session;

/// The most rows of each table, and for an event of its first deliveries and of its replays each, that one
/// step looks at.
const LOOKED_AT: usize = 2_000;

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

/// The way through a table: its clauses, each after an `AND`, and its order.
pub(super) struct Way {
    pub(super) clauses: String,
    pub(super) order: String,
}

impl Way {
    /// Along the index of these columns, with their values, and the id. Compared as one, they can't be had
    /// from another index: the planner thinks that one by id alone will do where much is of one tenant or
    /// endpoint, and it leads past everything else there. Both bounds are within: of "less than", the planner
    /// would think that it leaves nothing.
    pub(super) fn along(lead: &[(&str, &str)], (low, high): (&str, &str), direction: &str) -> Self {
        let names: String = lead.iter().map(|(name, _)| format!("{name}, ")).collect();
        let values: String = lead.iter().map(|(_, value)| format!("{value}, ")).collect();
        let order: String = lead
            .iter()
            .map(|(name, _)| format!("{name} {direction}, "))
            .collect();
        Self {
            clauses: format!(
                " AND ({names}id) >= ({values}{low}) AND ({names}id) <= ({values}{high})"
            ),
            order: format!("{order}id {direction}"),
        }
    }
}

/// All of a page, however many rows that takes; each step is bounded.
pub(super) async fn page(
    session: &Session,
    scopes: &Scopes,
    query: &DeliveryQuery,
) -> Result<Vec<Delivery>, Failure> {
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
    query: &DeliveryQuery,
) -> Result<Found<Delivery, DeliveryId>, Failure> {
    let Some(scope) = scopes.find(session, &query.scope).await? else {
        return Ok(Found {
            found: Vec::new(),
            stopped_at: None,
        });
    };
    let mut along = Filter::default();
    let scope = along.value(scope, Type::INT8);
    along.times(query.since, query.until);
    if let Some(before) = query.before {
        along.only("id < ?", Bits(before.to_bytes()), Type::UUID);
    }
    let clauses = along.sql().to_owned();
    let compared = Compared::read(query, &scope, &mut along);
    let low = query.since.map_or(Bits([0; 16]), Bits::at);
    let before = query.before.map(|id| Bits(id.to_bytes()));
    let low = along.value(low, Type::UUID);
    let high = along.value(before.unwrap_or(Bits::END), Type::UUID);
    // The first deliveries of an event are one range of ids, its replays stand in an index of their own.
    let of_event = query.event.map(|event| {
        let (from, to) = first_deliveries(event);
        let from = along.value(from, Type::UUID);
        let to = along.value(to, Type::UUID);
        let event = along.value(Bits(event.to_bytes()), Type::UUID);
        [
            format!(" AND event IS NULL AND id BETWEEN {from} AND {to}"),
            format!(" AND event IS NOT NULL AND event = {event} AND id > {from}"),
        ]
    });
    let tables: &[&str] = match query.state {
        Some(StateName::Waiting) => &[OPEN],
        Some(StateName::Delivered | StateName::Discarded) => &[ENDED],
        Some(StateName::Failed) | None => &[OPEN, ENDED],
    };
    let count = along.value(limit(query.limit), Type::INT8);
    let most = along.value(limit(LOOKED_AT), Type::INT8);
    let last = along.value(limit(LOOKED_AT - 1), Type::INT8);
    let mut parts = Vec::new();
    let mut looked_at = Vec::new();
    for table in tables {
        let ways = match &of_event {
            None => vec![compared.way(table, (&low, &high))],
            Some(ways) => ways
                .iter()
                .map(|way| Way {
                    clauses: format!("{way}{}", compared.scope_clause()),
                    order: "id DESC".to_owned(),
                })
                .collect(),
        };
        for Way {
            clauses: along_it,
            order,
        } in ways
        {
            let rows = format!(
                "SELECT {COLUMNS} FROM {table} WHERE TRUE{clauses}{along_it} ORDER BY {order}"
            );
            let rest = match of_event {
                None => compared.rest(table),
                Some(_) => compared.all(),
            };
            if rest.is_empty() {
                parts.push(format!("({rows} LIMIT {count})"));
                continue;
            }
            let name = format!("looked_at_{}", looked_at.len());
            parts.push(format!(
                "(SELECT * FROM {name} WHERE TRUE{rest} ORDER BY id DESC LIMIT {count})"
            ));
            looked_at.push((name, rows));
        }
    }
    let stops = looked_at.iter().map(|(name, _)| {
        format!(
            " UNION ALL (SELECT {COLUMNS}, false FROM {name} ORDER BY id DESC OFFSET {last} LIMIT 1)"
        )
    });
    let stops: String = stops.collect();
    let given = looked_at
        .iter()
        .map(|(name, rows)| format!("{name} AS MATERIALIZED ({rows} LIMIT {most})"));
    let given: Vec<String> = given.collect();
    let with = if given.is_empty() {
        String::new()
    } else {
        format!("WITH {} ", given.join(", "))
    };
    let sql = format!(
        "{with}(SELECT {COLUMNS}, true AS found FROM ({}) AS parts ORDER BY id DESC LIMIT {count}){stops}",
        parts.join(" UNION ALL ")
    );
    let rows = session.rows(&sql, &along.params()).await?;
    let mut stopped_at: Option<Bits> = None;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        if row.try_get("found")? {
            found.push(row);
        } else {
            // Up to the first of the places where one of them stopped, all were looked at.
            stopped_at = stopped_at.max(Some(row.try_get(0)?));
        }
    }
    let mut found = row::read_all(session, scopes, &found).await?;
    // Two rows of one delivery: what ended is one of them, and counts.
    found.dedup_by(|one, other| {
        let same = one.id == other.id;
        if same && one.state.ended() {
            std::mem::swap(one, other);
        }
        same
    });
    let stopped_at = stopped_at.map(|bits| DeliveryId::from_bytes(bits.0));
    if let Some(stop) = stopped_at {
        found.retain(|delivery| delivery.id >= stop);
    }
    // A full page ends with its last, wherever the search stopped.
    let stopped_at = stopped_at.filter(|_| found.len() < query.limit);
    Ok(Found { found, stopped_at })
}

/// What is asked for besides the event and times: what stands for its values, and clauses, each after an
/// `AND`.
#[derive(Default)]
struct Compared {
    scope: String,
    state: Option<String>,
    /// Whether that is a state whose rows have an index of their own.
    exception: bool,
    endpoint: Option<String>,
    others: String,
}

impl Compared {
    fn read(query: &DeliveryQuery, scope: &str, values: &mut Filter) -> Self {
        let mut compared = Self {
            scope: scope.to_owned(),
            ..Self::default()
        };
        if let Some(state) = query.state {
            let number = small(code::of_state_name(state));
            compared.state = Some(values.value(number, Type::INT2));
            compared.exception = state != StateName::Delivered;
        }
        if let Some(endpoint) = query.endpoint {
            let id = Bits(endpoint.to_bytes());
            compared.endpoint = Some(values.value(id, Type::UUID));
        }
        let mut only = |column: &str, value: &str| {
            for part in [" AND ", column, " = ", value] {
                compared.others.push_str(part);
            }
        };
        if let Some(event_type) = &query.event_type {
            let name = event_type.as_str().to_owned();
            only("event_type", &values.value(name, Type::TEXT));
        }
        if let Some(kind) = query.last_error {
            let number = small(code::of_error_kind(kind));
            only("last_error", &values.value(number, Type::INT2));
        }
        if let Some(status) = query.last_status {
            only("last_status", &values.value(i32::from(status), Type::INT4));
        }
        compared
    }

    /// What the list of a table goes along.
    fn way(&self, table: &str, bounds: (&str, &str)) -> Way {
        let scope = ("scope", &*self.scope);
        match (&self.state, &self.endpoint) {
            (Some(state), _) if table == ENDED && self.exception => {
                let mut way = Way::along(&[scope, ("state", state)], bounds, "DESC");
                // Says to the planner that the index of exceptions will do.
                way.clauses.push_str(" AND state <> 1");
                way
            }
            (_, Some(endpoint)) if table == ENDED => {
                Way::along(&[("endpoint", endpoint)], bounds, "DESC")
            }
            _ => Way::along(&[scope], bounds, "DESC"),
        }
    }

    fn scope_clause(&self) -> String {
        format!(" AND scope = {}", self.scope)
    }

    fn state_clause(&self) -> String {
        let clause = |state| format!(" AND state = {state}");
        self.state.as_ref().map_or_else(String::new, clause)
    }

    /// Everything but the tenant.
    fn all(&self) -> String {
        let clause = |endpoint| format!(" AND endpoint = {endpoint}");
        let endpoint = self.endpoint.as_ref().map_or_else(String::new, clause);
        format!("{}{endpoint}{}", self.state_clause(), self.others)
    }

    /// What is compared row by row on that way.
    fn rest(&self, table: &str) -> String {
        if table == ENDED && self.endpoint.is_some() && !self.exception {
            // An endpoint may be asked for that is another tenant's.
            let scope = self.scope_clause();
            format!("{scope}{}{}", self.state_clause(), self.others)
        } else if table == ENDED && self.exception {
            let all = self.all();
            all.strip_prefix(&self.state_clause())
                .unwrap_or(&all)
                .to_owned()
        } else {
            self.all()
        }
    }
}
