//! Reading parts, each along an index.

use fanfare_app::port::StoreError;
use fanfare_app::transfer::{Bounds, Chunk, Cursor, Part, Row, Value};
use postgres_types::{ToSql, Type};

use super::columns::{Kind, own};
use crate::bits::{Bits, limit};
use crate::failure::Failure;
use crate::session::Session;

/// The key along which a part is read.
const fn key(part: Part) -> &'static [&'static str] {
    match part {
        Part::Documents => &["revision"],
        // The index by positions begins with the node.
        Part::Events => &["node", "position"],
        Part::Keys => &["digest"],
        Part::Deliveries | Part::Attempts | Part::Jobs => &["id"],
        Part::Tallies => &["endpoint", "minute"],
    }
}

/// About how many bytes a row is, as an expression on `row`.
const fn weight(part: Part) -> &'static str {
    match part {
        Part::Documents => "coalesce(length(row.body), 0)",
        Part::Events => {
            "coalesce((SELECT length(payload.data) FROM fanfare.payloads AS payload
            WHERE payload.id = row.id), 0) + length(row.targets) + 256"
        }
        Part::Attempts => "length(row.rest) + coalesce(length(row.response_body), 0) + 128",
        Part::Jobs => "length(row.body)",
        Part::Keys | Part::Deliveries | Part::Tallies => "256",
    }
}

/// At most `$most` rows after a key, in its order. `after` is the condition on it.
fn first(part: Part, after: &str, keys: &str, most: &str) -> String {
    let columns: Vec<&str> = own(part).collect();
    let columns = columns.join(", ");
    let table = |name: &str| format!("SELECT * FROM fanfare.{name} AS row WHERE {after}");
    let rows = match part {
        Part::Documents => table("documents"),
        Part::Events => table("events"),
        // An attempt whose delivery is gone will be taken by the retention.
        Part::Attempts => format!(
            "{} AND (EXISTS (SELECT FROM fanfare.deliveries AS ended
                    WHERE ended.id = fanfare.delivery_of(row.id))
                OR EXISTS (SELECT FROM fanfare.open_deliveries AS open
                    WHERE open.id = fanfare.delivery_of(row.id)))",
            table("attempts")
        ),
        Part::Jobs => table("jobs"),
        // A key whose event is gone counts for nothing.
        Part::Keys => format!(
            "{} AND EXISTS (SELECT FROM fanfare.events AS event
                WHERE event.scope = row.scope AND event.id = row.event)",
            table("idempotency_keys")
        ),
        // Should a row stand in both tables, what ended counts.
        Part::Deliveries => format!(
            "SELECT * FROM (
                (SELECT scope, {columns} FROM fanfare.open_deliveries AS row WHERE {after}
                AND NOT EXISTS (SELECT FROM fanfare.deliveries AS ended WHERE ended.id = row.id)
                ORDER BY {keys} LIMIT {most})
                UNION ALL
                (SELECT scope, {columns} FROM fanfare.deliveries AS row WHERE {after}
                ORDER BY {keys} LIMIT {most})
            ) AS row"
        ),
        Part::Tallies => format!(
            "SELECT endpoint, minute, sum(succeeded)::bigint AS succeeded,
                sum(unsuccessful)::bigint AS unsuccessful, sum(delivered)::bigint AS delivered,
                sum(failed)::bigint AS failed, sum(discarded)::bigint AS discarded,
                sum(duration_ms)::bigint AS duration_ms
            FROM fanfare.tallies AS row WHERE {after} GROUP BY endpoint, minute"
        ),
    };
    format!("{rows} ORDER BY {keys} LIMIT {most}")
}

/// What a column is made of.
fn expression(part: Part, column: &str) -> String {
    match (part, column) {
        (part, "environment" | "tenant") if part.of_tenants() => format!("scope.{column}"),
        (Part::Documents, "removed_at") => {
            "floor(extract(epoch FROM row.removed_at))::bigint".to_owned()
        }
        (Part::Events, "content") => "uids.content".to_owned(),
        (Part::Events, "data") => "coalesce(payload.data, '')".to_owned(),
        (Part::Deliveries, "holds") => "row.holds::integer::bigint".to_owned(),
        _ if Kind::of(part, column) == Kind::Int => format!("row.{column}::bigint"),
        _ => format!("row.{column}"),
    }
}

pub(super) async fn chunk(
    session: &Session,
    part: Part,
    after: Option<&Cursor>,
    bounds: Bounds,
) -> Result<Chunk, Failure> {
    let key = key(part);
    let keys = key.join(", ");
    let marks: Vec<String> = (1..=key.len()).map(|place| format!("${place}")).collect();
    let after_key = format!("({}) > ({})", row_names(key), marks.join(", "));
    let most = format!("${}", key.len() + 1);
    let bytes = format!("${}", key.len() + 2);
    let mut joined = String::new();
    if part.of_tenants() {
        joined.push_str(" JOIN fanfare.scopes AS scope ON scope.id = row.scope");
    }
    if part == Part::Events {
        joined.push_str(
            " LEFT JOIN fanfare.payloads AS payload ON payload.id = row.id
            LEFT JOIN fanfare.event_uids AS uids ON uids.scope = row.scope AND uids.uid = row.uid
                AND uids.event = row.id",
        );
    }
    let columns = part.columns().iter().map(|column| expression(part, column));
    let columns: Vec<String> = columns.collect();
    let sql = format!(
        "SELECT {}, {} FROM (
            SELECT *, sum(weight) OVER (ORDER BY {keys} ROWS UNBOUNDED PRECEDING) - weight AS before
            FROM (SELECT row.*, ({})::bigint AS weight FROM ({}) AS row) AS weighed
        ) AS row{joined} WHERE before < {bytes} ORDER BY {}",
        row_names(key),
        columns.join(", "),
        weight(part),
        first(part, &after_key, &keys, &most),
        row_names(key),
    );
    let after = bind(part, key, after)?;
    let (most, bytes) = (limit(bounds.rows), limit(bounds.bytes));
    let mut params: Vec<(&(dyn ToSql + Sync), Type)> = after
        .iter()
        .map(|(value, of)| (&**value as &(dyn ToSql + Sync), of.clone()))
        .collect();
    params.push((&most, Type::INT8));
    params.push((&bytes, Type::INT8));
    let mut chunk = Chunk::default();
    for row in session.rows(&sql, &params).await? {
        let value = |at| value(&row, at);
        let cursor: Result<Vec<Value>, Failure> = (0..key.len()).map(value).collect();
        let columns = key.len()..row.len();
        let columns: Result<Row, Failure> = columns.map(value).collect();
        chunk.rows.push(columns?);
        chunk.next = Some(Cursor(cursor?));
    }
    Ok(chunk)
}

fn row_names(key: &[&str]) -> String {
    let names: Vec<String> = key.iter().map(|name| format!("row.{name}")).collect();
    names.join(", ")
}

type Bound = (Box<dyn ToSql + Sync + Send>, Type);

/// A cursor's values, or what comes before every key.
fn bind(part: Part, key: &[&str], after: Option<&Cursor>) -> Result<Vec<Bound>, Failure> {
    let wrong = || StoreError::corrupt("moving.cursor", "it is no key of this part");
    if after.is_some_and(|after| after.0.len() != key.len()) {
        return Err(wrong().into());
    }
    let each = key.iter().enumerate().map(|(place, name)| {
        let value = after.and_then(|after| after.0.get(place));
        let bound: Bound = match (Kind::of(part, name), value) {
            (Kind::Int, None) => (Box::new(i64::MIN), Type::INT8),
            (Kind::Int, Some(Value::Int(number))) => (Box::new(*number), Type::INT8),
            (Kind::Uuid, None) => (Box::new(Bits([0; 16])), Type::UUID),
            (Kind::Uuid, Some(Value::Bytes(bytes))) => {
                let bits = bytes[..].try_into().map_err(|_| wrong())?;
                (Box::new(Bits(bits)), Type::UUID)
            }
            (Kind::Bytes, None) => (Box::new(Vec::<u8>::new()), Type::BYTEA),
            (Kind::Bytes, Some(Value::Bytes(bytes))) => (Box::new(bytes.clone()), Type::BYTEA),
            _ => return Err(wrong().into()),
        };
        Ok(bound)
    });
    each.collect()
}

fn value(row: &tokio_postgres::Row, at: usize) -> Result<Value, Failure> {
    let of = row.columns()[at].type_();
    let value = if *of == Type::INT8 {
        row.try_get::<_, Option<i64>>(at)?.map(Value::Int)
    } else if *of == Type::UUID {
        let bits: Option<Bits> = row.try_get(at)?;
        bits.map(|bits| Value::Bytes(bits.0.to_vec()))
    } else if *of == Type::BYTEA {
        row.try_get::<_, Option<Vec<u8>>>(at)?.map(Value::Bytes)
    } else {
        row.try_get::<_, Option<String>>(at)?.map(Value::Text)
    };
    Ok(value.unwrap_or(Value::Null))
}
