//! Deliveries as rows, of two tables with the same columns.

use fanfare_app::stored::code;
use fanfare_domain::batch::InBatch;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::{DeliveryId, EndpointId, EventId};
use fanfare_domain::name::{EventTypeName, Scope};
use fanfare_domain::order::{Strand, Turn};
use fanfare_domain::time::Timestamp;
use postgres_types::{ToSql, Type};
use tokio_postgres::Row;

use crate::bits::{Bits, Sparse};
use crate::columns::Columns;
use crate::failure::Failure;
use crate::member::OWNERS;
use crate::scopes::Scopes;
use crate::session::{Params, Session};

/// All columns of both tables.
pub(super) const COLUMNS: &str = "id, scope, event, endpoint, replay_of, at, created_at, \
    expires_at, first_attempt_at, position, strand, state, reason, attempts, extra_attempts, \
    last_status, last_error, holds, batch, event_type";

/// What waits, or holds its strand.
pub(super) const OPEN: &str = "fanfare.open_deliveries";
/// What ended.
pub(super) const ENDED: &str = "fanfare.deliveries";

/// Whether a node, which is the parameter of this number, attempts the delivery `row`: it waits in its name, or
/// in the owner's that it is.
pub(super) fn own(node: usize) -> String {
    format!(
        "(row.node = ${node} OR row.node = {OWNERS} AND EXISTS (SELECT FROM fanfare.owners AS owner
        WHERE owner.endpoint = row.endpoint AND owner.node = ${node}))"
    )
}

/// All deliveries of `SELECT … FROM table` and `rest`.
pub(super) async fn collect(
    session: &Session,
    scopes: &Scopes,
    table: &str,
    rest: &str,
    params: Params<'_>,
) -> Result<Vec<Delivery>, Failure> {
    let sql = format!("SELECT {COLUMNS} FROM {table} {rest}");
    let rows = session.rows(&sql, params).await?;
    read_all(session, scopes, &rows).await
}

/// Reads rows that begin with [`COLUMNS`].
pub(super) async fn read_all(
    session: &Session,
    scopes: &Scopes,
    rows: &[Row],
) -> Result<Vec<Delivery>, Failure> {
    let numbers: Vec<i64> = (rows.iter().map(|row| row.try_get(1))).collect::<Result<_, _>>()?;
    scopes.learn(session, numbers.iter().copied()).await?;
    let mut found = Vec::with_capacity(rows.len());
    for (row, number) in rows.iter().zip(numbers) {
        let columns = Columns {
            row,
            table: "deliveries",
            id: Some(0),
        };
        found.push(read(&columns, scopes.name(number)?)?);
    }
    Ok(found)
}

/// The delivery's id that is a row's first column.
pub(super) fn read_id(row: &Row) -> Result<DeliveryId, Failure> {
    let id: Bits = row.try_get(0)?;
    Ok(DeliveryId::from_bytes(id.0))
}

fn read(row: &Columns<'_>, scope: Scope) -> Result<Delivery, Failure> {
    let id: Bits = row.get(0, "id")?;
    let id = DeliveryId::from_bytes(id.0);
    let event: Option<Bits> = row.get(2, "event")?;
    let endpoint: Bits = row.get(3, "endpoint")?;
    let replay_of: Option<Bits> = row.get(4, "replay_of")?;
    let event_type: &str = row.get(19, "event_type")?;
    let event_type =
        EventTypeName::parse(event_type).map_err(|error| row.corrupt("event_type", error))?;
    let at = Timestamp::from_micros(row.get(5, "at")?);
    let state: i16 = row.get(11, "state")?;
    let reason: Option<i16> = row.get(12, "reason")?;
    let state = code::to_state(state.into(), reason.map(i64::from), at)
        .map_err(|column| row.corrupt(column, "no such number is known"))?;
    let time = |at, name| {
        let micros: Option<i64> = row.get(at, name)?;
        Ok::<_, Failure>(micros.map(Timestamp::from_micros))
    };
    let last_error: Option<i16> = row.get(16, "last_error")?;
    let last_error = last_error
        .map(|number| {
            code::to_error_kind(number.into())
                .ok_or_else(|| row.corrupt("last_error", "no such number is known"))
        })
        .transpose()?;
    let position: Option<i64> = row.get(9, "position")?;
    let strand: Option<i64> = row.get(10, "strand")?;
    let holds: bool = row.get(17, "holds")?;
    let batch: Option<Bits> = row.get(18, "batch")?;
    let turn = position.map(|position| Turn {
        position,
        strand: strand.map(Strand::from_number),
        holds,
    });
    Ok(Delivery {
        id,
        scope,
        event: event.map_or_else(|| id.event(), |event| EventId::from_bytes(event.0)),
        event_type,
        endpoint: EndpointId::from_bytes(endpoint.0),
        state,
        attempts: row.number(13, "attempts")?,
        extra_attempts: row.number(14, "extra_attempts")?,
        replay_of: replay_of.map(|id| DeliveryId::from_bytes(id.0)),
        created_at: Timestamp::from_micros(row.get(6, "created_at")?),
        expires_at: time(7, "expires_at")?,
        first_attempt_at: time(8, "first_attempt_at")?,
        last_status: row.number_or_none(15, "last_status")?,
        last_error,
        turn,
        batch: batch.map(|place| InBatch::from_bytes(place.0)),
    })
}

/// A code's number as it stands in a column of two bytes.
pub(super) fn small(number: i64) -> i16 {
    i16::try_from(number).unwrap_or(i16::MAX)
}

/// Rows to be written, column by column.
#[derive(Default)]
pub(crate) struct Rows {
    ids: Vec<Bits>,
    scopes: Vec<i64>,
    events: Sparse<Bits>,
    endpoints: Vec<Bits>,
    replays_of: Sparse<Bits>,
    at: Vec<i64>,
    created: Vec<i64>,
    expire: Sparse<i64>,
    first_attempts: Sparse<i64>,
    positions: Sparse<i64>,
    strands: Sparse<i64>,
    states: Vec<i16>,
    reasons: Sparse<i16>,
    attempts: Vec<i32>,
    extra_attempts: Vec<i32>,
    last_status: Sparse<i32>,
    last_errors: Sparse<i16>,
    holds: Vec<bool>,
    batches: Sparse<Bits>,
    event_types: Vec<String>,
    /// Who attempts it, of rows that wait.
    nodes: Vec<i64>,
}

impl Rows {
    /// One more row; `scope` is the number of its tenant, and `node` the one that attempts it.
    pub(crate) fn push(&mut self, delivery: &Delivery, scope: i64, node: i64) {
        self.nodes.push(node);
        let (state, reason, at) = code::of_state(&delivery.state);
        let micros = |time: Timestamp| time.micros();
        self.ids.push(Bits(delivery.id.to_bytes()));
        self.scopes.push(scope);
        // A first delivery's id names its event.
        let named = delivery.event != delivery.id.event();
        self.events
            .push(named.then(|| Bits(delivery.event.to_bytes())));
        self.endpoints.push(Bits(delivery.endpoint.to_bytes()));
        self.replays_of
            .push(delivery.replay_of.map(|id| Bits(id.to_bytes())));
        self.at.push(at.micros());
        self.created.push(delivery.created_at.micros());
        self.expire.push(delivery.expires_at.map(micros));
        self.first_attempts
            .push(delivery.first_attempt_at.map(micros));
        self.positions.push(delivery.turn.map(|turn| turn.position));
        let strand = delivery.turn.and_then(|turn| turn.strand);
        self.strands.push(strand.map(Strand::number));
        self.states.push(small(state));
        self.reasons.push(reason.map(small));
        self.attempts.push(delivery.attempts.into());
        self.extra_attempts.push(delivery.extra_attempts.into());
        self.last_status.push(delivery.last_status.map(i32::from));
        let error = delivery.last_error.map(code::of_error_kind);
        self.last_errors.push(error.map(small));
        self.holds
            .push(delivery.turn.is_some_and(|turn| turn.holds));
        let batch = delivery.batch.map(|place| Bits(place.to_bytes()));
        self.batches.push(batch);
        self.event_types
            .push(delivery.event_type.as_str().to_owned());
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    fn params(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        vec![
            (&self.ids, Type::UUID_ARRAY),
            (&self.scopes, Type::INT8_ARRAY),
            (&self.events, Type::UUID_ARRAY),
            (&self.endpoints, Type::UUID_ARRAY),
            (&self.replays_of, Type::UUID_ARRAY),
            (&self.at, Type::INT8_ARRAY),
            (&self.created, Type::INT8_ARRAY),
            (&self.expire, Type::INT8_ARRAY),
            (&self.first_attempts, Type::INT8_ARRAY),
            (&self.positions, Type::INT8_ARRAY),
            (&self.strands, Type::INT8_ARRAY),
            (&self.states, Type::INT2_ARRAY),
            (&self.reasons, Type::INT2_ARRAY),
            (&self.attempts, Type::INT4_ARRAY),
            (&self.extra_attempts, Type::INT4_ARRAY),
            (&self.last_status, Type::INT4_ARRAY),
            (&self.last_errors, Type::INT2_ARRAY),
            (&self.holds, Type::BOOL_ARRAY),
            (&self.batches, Type::UUID_ARRAY),
            (&self.event_types, Type::TEXT_ARRAY),
        ]
    }

    /// Adds the rows to those that ended. One that is there already was written by somebody else
    /// meanwhile.
    pub(super) async fn insert_ended(&self, session: &Session) -> Result<(), Failure> {
        if self.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "INSERT INTO {ENDED} ({COLUMNS}) SELECT * FROM {GIVEN} ON CONFLICT (id) DO NOTHING"
        );
        self.expect(session.run(&sql, &self.params()).await?)
    }

    /// Adds the rows to those that wait; the same holds.
    pub(crate) async fn insert_open(&self, session: &Session) -> Result<(), Failure> {
        if self.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "INSERT INTO {OPEN} ({COLUMNS}, node)
            SELECT * FROM {} ON CONFLICT (id) DO NOTHING",
            GIVEN
                .replace("$20::text[])", "$20::text[], $21::bigint[])")
                .replace("event_type)", "event_type, node)")
        );
        let mut params = self.params();
        params.push((&self.nodes, Type::INT8_ARRAY));
        self.expect(session.run(&sql, &params).await?)
    }

    /// Changes rows of what waits, which this transaction has locked.
    pub(super) async fn update(&self, session: &Session) -> Result<(), Failure> {
        if self.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "UPDATE {OPEN} AS row SET at = given.at, first_attempt_at = given.first_attempt_at,
            state = given.state, reason = given.reason, attempts = given.attempts,
            extra_attempts = given.extra_attempts, last_status = given.last_status,
            last_error = given.last_error, holds = given.holds
            FROM (SELECT * FROM {GIVEN}) AS given WHERE row.id = given.id"
        );
        self.expect(session.run(&sql, &self.params()).await?)
    }

    fn expect(&self, changed: u64) -> Result<(), Failure> {
        if usize::try_from(changed).is_ok_and(|changed| changed == self.len()) {
            Ok(())
        } else {
            Err(Failure::Overtaken)
        }
    }
}

/// The rows of [`Rows::params`].
const GIVEN: &str = "unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::uuid[], \
    $5::uuid[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], \
    $11::bigint[], $12::smallint[], $13::smallint[], $14::integer[], $15::integer[], \
    $16::integer[], $17::smallint[], $18::boolean[], $19::uuid[], $20::text[]) AS rows (id, scope, event, \
    endpoint, replay_of, at, created_at, expires_at, first_attempt_at, position, strand, state, \
    reason, attempts, extra_attempts, last_status, last_error, holds, batch, event_type)";

/// Moves rows that hold their strand to those that ended: `which` chooses them among `row`, by
/// parameters from the first on. Answers how many there were.
pub(super) async fn lift(
    session: &Session,
    which: &str,
    params: Params<'_>,
) -> Result<usize, Failure> {
    let sql = format!(
        "WITH gone AS (DELETE FROM {OPEN} AS row {which} RETURNING row.*), ended AS (
            INSERT INTO {ENDED} ({COLUMNS})
            SELECT id, scope, event, endpoint, replay_of, at, created_at, expires_at,
                first_attempt_at, position, strand, state, reason, attempts, extra_attempts,
                last_status, last_error, false, batch, event_type
            FROM gone ON CONFLICT (id) DO NOTHING)
        SELECT count(*) FROM gone"
    );
    let row = session.row(&sql, params).await?;
    let count: i64 = row.map_or(Ok(0), |row| row.try_get(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}
