//! Writing parts.

use std::collections::HashMap;

use fanfare_app::port::StoreError;
use fanfare_app::transfer::{Chunk, Part, Row, Value};
use rusqlite::{Connection, params_from_iter};

use super::read::Bound;
use super::state;
use crate::failure::Failure;
use crate::lists::{DELIVERIES, EVENTS, Owner};

pub(super) fn chunk(connection: &mut Connection, part: Part, chunk: &Chunk) -> Result<(), Failure> {
    let transaction = connection.transaction()?;
    rows(&transaction, part, &chunk.rows)?;
    state::reach(&transaction, part, chunk)?;
    transaction.commit()?;
    Ok(())
}

/// The column's name, and what its parameter becomes.
fn column(part: Part, name: &'static str, at: usize) -> (&'static str, String) {
    match (part, name) {
        (Part::Keys, "event") => (
            "position",
            format!("(SELECT position FROM events WHERE id = ?{at})"),
        ),
        // The number of the attempt comes last of all.
        (Part::Attempts, "id") => (
            "place",
            format!("((SELECT seq FROM deliveries WHERE id = ?{at}) << 16) | ?7"),
        ),
        (Part::Deliveries, "holds") => ("holds", format!("nullif(?{at}, 0)")),
        _ => (name, format!("?{at}")),
    }
}

fn rows(connection: &Connection, part: Part, rows: &[Row]) -> Result<(), Failure> {
    let table = match part {
        Part::Documents => "documents",
        Part::Events => "events",
        Part::Keys => "idempotency_keys",
        Part::Deliveries => "deliveries",
        Part::Attempts => "attempts",
        Part::Tallies => "tallies",
        Part::Jobs => "jobs",
    };
    // A key's tenant is its event's, and an attempt's its delivery's.
    let with_scope = matches!(part, Part::Events | Part::Deliveries);
    let left_out = if part.of_tenants() { 2 } else { 0 };
    let mut names = Vec::new();
    let mut values = Vec::new();
    for (at, name) in (1..).zip(&part.columns()[left_out..]) {
        let (name, value) = column(part, name, at);
        names.push(name);
        values.push(value);
    }
    let mut further = names.len();
    let mut also = |name| {
        further += 1;
        names.push(name);
        values.push(format!("?{further}"));
    };
    if with_scope {
        also("scope");
    }
    if part == Part::Deliveries {
        also("seq");
    }
    let sql = format!(
        "INSERT INTO {table} ({}) VALUES ({})",
        names.join(", "),
        values.join(", ")
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut scopes = Scopes::default();
    let mut listed = Vec::new();
    let mut seq = match part {
        Part::Deliveries => last_seq(connection)?,
        _ => 0,
    };
    for row in rows {
        let mut values: Vec<Value> = row[left_out..].to_vec();
        let mut scope = 0;
        if with_scope {
            scope = scopes.number(connection, row)?;
            values.push(Value::Int(scope));
        }
        if part == Part::Attempts {
            let mut delivery = id(part, row, "id")?;
            let [.., high, low] = delivery;
            delivery[14..].fill(0);
            values[0] = Value::Bytes(delivery.to_vec());
            values.push(Value::Int(u16::from_be_bytes([high, low]).into()));
        }
        if part == Part::Deliveries {
            seq += 1;
            values.push(Value::Int(seq));
        }
        statement.execute(params_from_iter(values.into_iter().map(Bound)))?;
        match part {
            Part::Events => {
                let position = number(part, row, "position")?;
                listed.push((Owner::Tenant(scope), id(part, row, "id")?, position));
            }
            Part::Deliveries => {
                let id_of = |column| id(part, row, column);
                listed.push((Owner::Tenant(scope), id_of("id")?, seq));
                listed.push((Owner::Endpoint(id_of("endpoint")?), id_of("id")?, seq));
            }
            _ => {}
        }
    }
    let lists = if part == Part::Events {
        &EVENTS
    } else {
        &DELIVERIES
    };
    lists.enter(connection, listed)
}

/// The number of the last delivery.
pub(super) fn last_seq(connection: &Connection) -> Result<i64, Failure> {
    let last: Option<i64> =
        connection.query_row("SELECT max(seq) FROM deliveries", [], |row| row.get(0))?;
    Ok(last.unwrap_or(0))
}

fn not_as_said(part: Part, column: &str) -> Failure {
    let place = format!("{}, {column}", part.name());
    StoreError::corrupt(place, "it is not of the form that the column has").into()
}

fn in_column<'a>(part: Part, row: &'a Row, column: &str) -> Option<&'a Value> {
    row.get(part.place_of(column)?)
}

fn number(part: Part, row: &Row, column: &str) -> Result<i64, Failure> {
    match in_column(part, row, column) {
        Some(Value::Int(number)) => Ok(*number),
        _ => Err(not_as_said(part, column)),
    }
}

fn id(part: Part, row: &Row, column: &str) -> Result<[u8; 16], Failure> {
    match in_column(part, row, column) {
        Some(Value::Bytes(bytes)) => bytes[..].try_into().map_err(|_| not_as_said(part, column)),
        _ => Err(not_as_said(part, column)),
    }
}

/// Numbers of the tenants of a chunk.
#[derive(Default)]
struct Scopes(HashMap<(String, String), i64>);

impl Scopes {
    /// The number of the tenant that a row begins with.
    fn number(&mut self, connection: &Connection, row: &Row) -> Result<i64, Failure> {
        let [Value::Text(environment), Value::Text(tenant), ..] = &row[..] else {
            return Err(StoreError::corrupt("a row", "it does not begin with its tenant").into());
        };
        let scope = (environment.clone(), tenant.clone());
        if let Some(number) = self.0.get(&scope) {
            return Ok(*number);
        }
        connection
            .prepare_cached(
                "INSERT INTO scopes (environment, tenant) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            )?
            .execute((environment, tenant))?;
        let number = connection
            .prepare_cached("SELECT id FROM scopes WHERE environment = ?1 AND tenant = ?2")?
            .query_row((environment, tenant), |row| row.get(0))?;
        self.0.insert(scope, number);
        Ok(number)
    }
}
