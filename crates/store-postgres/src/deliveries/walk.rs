//! Going through deliveries in the order of their making, for jobs.

use fanfare_app::port::jobs::{Walk, Walked};
use fanfare_app::stored::code;
use fanfare_domain::delivery::StateName;
use fanfare_domain::name::Scope;
use postgres_types::Type;

use super::query::{Filter, Way};
use super::row::{self, COLUMNS, ENDED, OPEN, small};
use crate::bits::{Bits, limit};
use crate::failure::Failure;
use crate::scopes::Scopes;
use crate::session::Session;

/// The most rows of each table that one read looks at.
const LOOKED_AT: usize = 4_000;

pub(super) async fn walk(
    session: &Session,
    scopes: &Scopes,
    walk: &Walk,
) -> Result<Walked, Failure> {
    // What the walk goes along.
    let mut along = Filter::default();
    let mut lead = Vec::new();
    if let Some(tenant) = &walk.tenant {
        let scope = Scope {
            environment: walk.environment.clone(),
            tenant: tenant.clone(),
        };
        match scopes.find(session, &scope).await? {
            Some(number) => lead.push(("scope", along.value(number, Type::INT8))),
            None => return Ok(Walked::default()),
        }
    }
    let until = walk.filter.until.unwrap_or(walk.made_before);
    along.times(walk.filter.since, Some(until.min(walk.made_before)));
    let mut low = walk.filter.since.map_or(Bits([0; 16]), Bits::at);
    if let Some(after) = walk.after {
        let after = Bits(after.to_bytes());
        low = low.max(after);
        along.only("id > ?", after, Type::UUID);
    }
    let clauses = along.sql().to_owned();
    let low = along.value(low, Type::UUID);
    let high = along.value(Bits::END, Type::UUID);
    let way = |lead: &[(&'static str, String)]| {
        let lead: Vec<_> = lead.iter().map(|(name, value)| (*name, &**value)).collect();
        Way::along(&lead, (&low, &high), "ASC")
    };
    let open = way(&lead);
    let ended = match walk.filter.states[..] {
        // A tenant's exceptions have an index of their own.
        [state] if walk.tenant.is_some() && state != StateName::Delivered => {
            let number = small(code::of_state_name(state));
            lead.push(("state", along.value(number, Type::INT2)));
            let mut way = way(&lead);
            way.clauses.push_str(" AND state <> 1");
            way
        }
        _ => way(&lead),
    };
    // What is compared row by row.
    let compared = compare(walk, &mut along);
    let most = along.value(limit(LOOKED_AT), Type::INT8);
    let last = along.value(limit(LOOKED_AT - 1), Type::INT8);
    let count = along.value(limit(walk.limit), Type::INT8);
    let table = |name: &str, way: &Way| {
        let Way {
            clauses: along_it,
            order,
        } = way;
        format!(
            "(SELECT {COLUMNS} FROM {name} WHERE TRUE{clauses}{along_it}
            ORDER BY {order} LIMIT {most})"
        )
    };
    // The last that was looked at comes at the end, where the bound was reached.
    let sql = format!(
        "WITH looked_at AS MATERIALIZED (
            SELECT * FROM ({} UNION ALL {}) AS parts ORDER BY id LIMIT {most}
        )
        (SELECT {COLUMNS}, true FROM looked_at WHERE TRUE{compared} ORDER BY id LIMIT {count})
        UNION ALL
        (SELECT {COLUMNS}, false FROM looked_at ORDER BY id OFFSET {last} LIMIT 1)",
        table(OPEN, &open),
        table(ENDED, &ended)
    );
    let mut rows = session.rows(&sql, &along.params()).await?;
    let mut bound = None;
    if let Some(row) = rows.last()
        && !row.try_get::<_, bool>(20)?
    {
        bound = Some(row::read_id(row)?);
        rows.pop();
    }
    let mut deliveries = row::read_all(session, scopes, &rows).await?;
    let full = deliveries.len() >= walk.limit;
    let next = if full {
        deliveries.last().map(|delivery| delivery.id)
    } else {
        bound
    };
    deliveries.dedup_by_key(|delivery| delivery.id);
    deliveries.retain(|delivery| walk.filter.fits(delivery));
    Ok(Walked { deliveries, next })
}

fn compare(walk: &Walk, filter: &mut Filter) -> String {
    let mut compared = String::new();
    let mut only = |clause: &str, value: String| {
        compared.push_str(" AND ");
        compared.push_str(clause);
        compared.push_str(&value);
    };
    if walk.tenant.is_none() {
        let value = filter.value(walk.environment.as_str().to_owned(), Type::TEXT);
        let of = "scope IN (SELECT id FROM fanfare.scopes WHERE environment = ";
        only(of, format!("{value})"));
    }
    if !walk.filter.states.is_empty() {
        let states = walk.filter.states.iter();
        let numbers: Vec<i16> = states
            .map(|state| small(code::of_state_name(*state)))
            .collect();
        let value = filter.value(numbers, Type::INT2_ARRAY);
        only("state = ANY", format!("({value})"));
    }
    if let Some(endpoint) = walk.filter.endpoint {
        let value = filter.value(Bits(endpoint.to_bytes()), Type::UUID);
        only("endpoint = ", value);
    }
    if let Some(event_type) = &walk.filter.event_type {
        let value = filter.value(event_type.as_str().to_owned(), Type::TEXT);
        only("event_type = ", value);
    }
    if let Some(kind) = walk.filter.last_error {
        let value = filter.value(small(code::of_error_kind(kind)), Type::INT2);
        only("last_error = ", value);
    }
    if let Some(status) = walk.filter.last_status {
        let value = filter.value(i32::from(status), Type::INT4);
        only("last_status = ", value);
    }
    compared
}
