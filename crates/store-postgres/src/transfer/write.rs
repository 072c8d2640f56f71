//! Writing parts.

use std::collections::BTreeSet;

use fanfare_app::port::StoreError;
use fanfare_app::transfer::{Chunk, Part, Row, Value};
use fanfare_domain::id::EventId;
use fanfare_domain::time::Timestamp;
use postgres_types::{ToSql, Type};

use super::columns::{Kind, own};
use super::state;
use crate::bits::Bits;
use crate::failure::Failure;
use crate::partition::day;
use crate::session::Session;

/// The days whose partitions these rows need.
pub(super) fn days(part: Part, rows: &[Row]) -> impl Iterator<Item = i64> {
    let column = match part {
        Part::Events | Part::Deliveries | Part::Attempts => "id",
        Part::Tallies => "minute",
        Part::Documents | Part::Keys | Part::Jobs => "",
    };
    let place = part.place_of(column);
    let time = |row: &Row| match row.get(place?)? {
        // Every id begins with the time at which it was made.
        Value::Bytes(bytes) => Some(EventId::from_bytes(bytes[..].try_into().ok()?).made_at()),
        Value::Int(minute) => Some(Timestamp::from_seconds(minute.checked_mul(60)?)),
        Value::Null | Value::Text(_) => None,
    };
    let days: BTreeSet<i64> = rows.iter().filter_map(time).map(day).collect();
    days.into_iter()
}

pub(super) async fn chunk(session: &Session, part: Part, chunk: &Chunk) -> Result<(), Failure> {
    session.batch("BEGIN").await?;
    if !chunk.rows.is_empty() {
        let arrays = arrays(part, &chunk.rows)?;
        let params: Vec<(&(dyn ToSql + Sync), Type)> = arrays
            .iter()
            .map(|(array, of)| (&**array as &(dyn ToSql + Sync), of.clone()))
            .collect();
        for sql in statements(part) {
            session.run(&sql, &params).await?;
        }
    }
    state::reach(session, part, chunk).await?;
    session.batch("COMMIT").await
}

type Array = (Box<dyn ToSql + Sync + Send>, Type);

/// The rows column by column.
fn arrays(part: Part, rows: &[Row]) -> Result<Vec<Array>, Failure> {
    let each = part.columns().iter().enumerate().map(|(at, column)| {
        let kind = Kind::of(part, column);
        let wrong = || {
            let place = format!("{}, {column}", part.name());
            Failure::from(StoreError::corrupt(
                place,
                "it is not of the form that the column has",
            ))
        };
        let cells = rows.iter().map(|row| row.get(at).unwrap_or(&Value::Null));
        let array: Box<dyn ToSql + Sync + Send> = match kind {
            Kind::Int => Box::new(column_of(cells, wrong, |value| match value {
                Value::Int(number) => Some(*number),
                _ => None,
            })?),
            Kind::Text => Box::new(column_of(cells, wrong, |value| match value {
                Value::Text(text) => Some(text.clone()),
                _ => None,
            })?),
            Kind::Bytes => Box::new(column_of(cells, wrong, |value| match value {
                Value::Bytes(bytes) => Some(bytes.clone()),
                _ => None,
            })?),
            Kind::Uuid => Box::new(column_of(cells, wrong, |value| match value {
                Value::Bytes(bytes) => Some(Bits(bytes[..].try_into().ok()?)),
                _ => None,
            })?),
        };
        Ok((array, kind.array()))
    });
    each.collect()
}

fn column_of<'a, T>(
    cells: impl Iterator<Item = &'a Value>,
    wrong: impl Fn() -> Failure,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Vec<Option<T>>, Failure> {
    let read = |value: &Value| match value {
        Value::Null => Ok(None),
        value => read(value).map(Some).ok_or_else(&wrong),
    };
    cells.map(read).collect()
}

/// The rows as a table, `given`.
fn given(part: Part) -> String {
    let columns = part.columns();
    let arrays = (1..).zip(columns).map(|(place, column)| {
        let name = Kind::of(part, column).array_name();
        format!("${place}::{name}")
    });
    let arrays: Vec<String> = arrays.collect();
    format!(
        "unnest({}) AS given ({})",
        arrays.join(", "),
        columns.join(", ")
    )
}

/// What writes a part's rows, one after the other.
fn statements(part: Part) -> Vec<String> {
    let given = given(part);
    let columns: Vec<&str> = own(part).collect();
    let columns = columns.join(", ");
    let scoped = format!("{given} JOIN fanfare.scopes AS scope USING (environment, tenant)");
    let scopes = format!(
        "INSERT INTO fanfare.scopes (environment, tenant)
        SELECT DISTINCT environment, tenant FROM {given} ON CONFLICT DO NOTHING"
    );
    let of_tenants = |table: &str| {
        format!(
            "INSERT INTO fanfare.{table} (scope, {columns})
            SELECT scope.id, {} FROM {scoped}",
            qualified(part)
        )
    };
    let plain = |table: &str| {
        format!(
            "INSERT INTO fanfare.{table} ({columns}) SELECT {} FROM {given}",
            qualified(part)
        )
    };
    match part {
        Part::Documents => vec![plain("documents")],
        Part::Events => vec![
            scopes,
            format!(
                "INSERT INTO fanfare.events (scope, node, {columns})
                SELECT scope.id, 0, {} FROM {scoped}",
                qualified(part)
            ),
            format!(
                "INSERT INTO fanfare.payloads (id, data, data_until)
                SELECT id, data, data_until FROM {given} WHERE length(data) > 0"
            ),
            format!(
                "INSERT INTO fanfare.event_uids (scope, uid, event, content)
                SELECT scope.id, given.uid, given.id, given.content
                FROM {scoped} WHERE uid IS NOT NULL"
            ),
        ],
        Part::Keys => vec![scopes, of_tenants("idempotency_keys")],
        // What waits, or holds its strand, stands apart; it is nobody's at first.
        Part::Deliveries => vec![
            scopes,
            format!(
                "{} WHERE state = 0 OR holds <> 0",
                of_tenants("open_deliveries")
            ),
            format!(
                "{} WHERE state <> 0 AND holds = 0",
                of_tenants("deliveries")
            ),
        ],
        Part::Attempts => vec![scopes, of_tenants("attempts")],
        Part::Tallies => vec![format!(
            "INSERT INTO fanfare.tallies (node, {columns}) SELECT 0, {columns} FROM {given}"
        )],
        Part::Jobs => vec![plain("jobs")],
    }
}

/// The columns of the part's own table, as they come from `given`.
fn qualified(part: Part) -> String {
    let each = own(part).map(|column| match (part, column) {
        (Part::Documents, "removed_at") => "to_timestamp(given.removed_at)".to_owned(),
        (Part::Deliveries, "holds") => "given.holds <> 0".to_owned(),
        _ => format!("given.{column}"),
    });
    each.collect::<Vec<_>>().join(", ")
}
