//! Going through deliveries in the order of their making, for jobs.

use fanfare_app::port::jobs::{Walk, Walked};
use fanfare_app::stored::code;
use fanfare_domain::delivery::StateName;
use fanfare_domain::name::Scope;
use postgres_types::Type;

use super::query::Filter;
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
    match &walk.tenant {
        Some(tenant) => {
            let scope = Scope {
                environment: walk.environment.clone(),
                tenant: tenant.clone(),
            };
            match scopes.find(session, &scope).await? {
                Some(number) => along.only("scope = ?", number, Type::INT8),
                None => return Ok(Walked::default()),
            }
        }
        None => along.only(
            "scope IN (SELECT id FROM fanfare.scopes WHERE environment = ?)",
            walk.environment.as_str().to_owned(),
            Type::TEXT,
        ),
    }
    if let [state] = walk.filter.states[..] {
        let number = small(code::of_state_name(state));
        along.only("state = ?", number, Type::INT2);
        if state != StateName::Delivered {
            along.also("state <> 1");
        }
    }
    let until = walk.filter.until.unwrap_or(walk.made_before);
    along.times(walk.filter.since, Some(until.min(walk.made_before)));
    if let Some(after) = walk.after {
        along.only("id > ?", Bits(after.to_bytes()), Type::UUID);
    }
    let clauses = along.sql().to_owned();
    // What is compared row by row.
    let compared = compare(walk, &mut along);
    let most = along.value(limit(LOOKED_AT), Type::INT8);
    let last = along.value(limit(LOOKED_AT - 1), Type::INT8);
    let count = along.value(limit(walk.limit), Type::INT8);
    let table = |name: &str| {
        format!("(SELECT {COLUMNS} FROM {name} WHERE TRUE{clauses} ORDER BY id LIMIT {most})")
    };
    // The last that was looked at comes at the end, where the bound was reached.
    let sql = format!(
        "WITH looked_at AS MATERIALIZED (
            SELECT * FROM ({} UNION ALL {}) AS parts ORDER BY id LIMIT {most}
        )
        (SELECT {COLUMNS}, true FROM looked_at WHERE TRUE{compared} ORDER BY id LIMIT {count})
        UNION ALL
        (SELECT {COLUMNS}, false FROM looked_at ORDER BY id OFFSET {last} LIMIT 1)",
        table(OPEN),
        table(ENDED)
    );
    let mut rows = session.rows(&sql, &along.params()).await?;
    let mut bound = None;
    if let Some(row) = rows.last()
        && !row.try_get::<_, bool>(19)?
    {
        let id: Bits = row.try_get(0)?;
        bound = Some(fanfare_domain::id::DeliveryId::from_bytes(id.0));
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
    if walk.filter.states.len() > 1 {
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
