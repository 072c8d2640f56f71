//! Reading parts, each along the table that holds it.

use fanfare_app::transfer::{Bounds, Chunk, Cursor, Part, Row, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

use crate::failure::Failure;

/// Where a part is: its tables, and its key with the least that it can be.
struct Place {
    tables: &'static str,
    key: &'static [&'static str],
    least: &'static [Least],
}

enum Least {
    Number,
    Bytes,
}

const fn place(part: Part) -> Place {
    let (tables, key, least): (_, &[&str], &[Least]) = match part {
        // Its own index is in the order of the revisions.
        Part::Documents => ("documents AS row", &["row.revision"], &[Least::Number]),
        Part::Events => ("events AS row", &["row.position"], &[Least::Number]),
        // A key whose event is gone counts for nothing.
        Part::Keys => (
            "idempotency_keys AS row JOIN events AS event ON event.position = row.position",
            &["row.digest"],
            &[Least::Bytes],
        ),
        Part::Deliveries => ("deliveries AS row", &["row.seq"], &[Least::Number]),
        Part::Attempts => (
            "attempts AS row JOIN deliveries AS delivery ON delivery.seq = row.place >> 16",
            &["row.place"],
            &[Least::Number],
        ),
        Part::Tallies => (
            "tallies AS row",
            &["row.endpoint", "row.minute"],
            &[Least::Bytes, Least::Number],
        ),
        Part::Jobs => ("jobs AS row", &["row.id"], &[Least::Bytes]),
    };
    Place { tables, key, least }
}

/// What a column is made of.
fn expression(part: Part, column: &str) -> String {
    match (part, column) {
        (part, "environment" | "tenant") if part.of_tenants() => format!("scope.{column}"),
        (Part::Keys, "event") => "event.id".to_owned(),
        // Its delivery's, with its number in the last two bytes.
        (Part::Attempts, "id") => "CAST(substr(delivery.id, 1, 14) \
            || unhex(printf('%04X', row.place & 65535)) AS BLOB)"
            .to_owned(),
        (Part::Deliveries, "holds") => "coalesce(row.holds, 0)".to_owned(),
        _ => format!("row.{column}"),
    }
}

pub(super) fn chunk(
    connection: &Connection,
    part: Part,
    after: Option<Cursor>,
    bounds: Bounds,
) -> Result<Chunk, Failure> {
    let Place { tables, key, least } = place(part);
    let columns = part.columns().iter().map(|column| expression(part, column));
    let columns: Vec<String> = columns.collect();
    let scopes = match part {
        Part::Keys => "JOIN scopes AS scope ON scope.id = event.scope",
        Part::Attempts => "JOIN scopes AS scope ON scope.id = delivery.scope",
        part if part.of_tenants() => "JOIN scopes AS scope ON scope.id = row.scope",
        _ => "",
    };
    let keys = key.join(", ");
    let marks = vec!["?"; key.len()].join(", ");
    // In this order, along the index of the key; the other tables are looked up in row by row.
    let tables = tables.replace("JOIN", "CROSS JOIN");
    let scopes = scopes.replace("JOIN", "CROSS JOIN");
    let sql = format!(
        "SELECT {keys}, {} FROM {tables} {scopes} WHERE ({keys}) > ({marks}) ORDER BY {keys} LIMIT ?",
        columns.join(", ")
    );
    let after = after.map_or_else(|| least.iter().map(Least::value).collect(), |after| after.0);
    let most = i64::try_from(bounds.rows).unwrap_or(i64::MAX);
    let values = after.into_iter().chain([Value::Int(most)]).map(Bound);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let (mut chunk, mut bytes) = (Chunk::default(), 0);
    while let Some(row) = rows.next()? {
        let get = |at| value(row.get_ref(at)?);
        let next: Result<Vec<Value>, Failure> = (0..key.len()).map(get).collect();
        let columns = key.len()..key.len() + columns.len();
        let row: Row = columns.map(get).collect::<Result<_, Failure>>()?;
        bytes += row.iter().map(Value::size).sum::<usize>();
        chunk.rows.push(row);
        chunk.next = Some(Cursor(next?));
        if bytes >= bounds.bytes {
            break;
        }
    }
    Ok(chunk)
}

impl Least {
    fn value(&self) -> Value {
        match self {
            Self::Number => Value::Int(i64::MIN),
            Self::Bytes => Value::Bytes(Vec::new()),
        }
    }
}

fn value(value: ValueRef<'_>) -> Result<Value, Failure> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Text(text) => Value::Text(
            std::str::from_utf8(text)
                .map_err(|error| fanfare_app::port::StoreError::corrupt("a text", error))?
                .to_owned(),
        ),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        // Tables are strict, and none has a column of that type.
        ValueRef::Real(_) => {
            return Err(
                fanfare_app::port::StoreError::corrupt("a row", "it has a fraction").into(),
            );
        }
    })
}

/// A value as a parameter.
pub(super) struct Bound(pub(super) Value);

impl ToSql for Bound {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match &self.0 {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
