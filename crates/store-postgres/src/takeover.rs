//! Taking over: what nodes accepted that do not deliver it, or not any more.
//!
//! Two steps, each in small transactions that skip what another node has locked, so that those who are
//! there share the work. First, deliveries that exist in the log only get their rows, which are
//! nobody's. Then each node claims rows that are nobody's, or of nodes that are gone; of an endpoint that
//! one node serves at a time, in the name of its owner. Its engine finds them as it finds everything that waits.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fanfare_app::port::deliveries::WaitingLane;
use fanfare_app::port::log::Position;
use fanfare_domain::batch::InBatch;
use fanfare_domain::id::{BatchId, DeliveryId, EndpointId};
use fanfare_domain::time::Timestamp;
use tokio::try_join;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::bits::Bits;
use crate::deliveries::lanes;
use crate::failure::Failure;
use crate::log::settled;
use crate::session::{BEGIN, Session};
use crate::store::Database;

/// Events that get their rows in one transaction.
const EVENTS: i32 = 200;
/// Endpoints that are looked at in one read.
const LANES: usize = 500;
/// Rows that are claimed in one: more than a batch can have.
const ROWS: i64 = 200;
/// The number of the lock under which batches are claimed: "batches" in ASCII.
const BATCHES_LOCK: i64 = 27_691_700_229_530_995;
/// The nodes whose work is nobody's.
const GONE: &str =
    "ARRAY(SELECT 0::bigint UNION SELECT id FROM fanfare.nodes WHERE gone_at IS NOT NULL)";

/// Deliveries whose rows were made from the log, and that were not attempted.
const ADOPTED: &str = "node = 0 AND attempts = 0 AND replay_of IS NULL AND position IS NULL";

/// Does both once; answers when something is due for an endpoint that this node serves, and whether
/// there may be more.
pub(crate) async fn step(
    database: &Database,
) -> Result<(BTreeMap<EndpointId, Timestamp>, bool), Failure> {
    let session = database.pool.lease().await?;
    let up_to = settled(&session).await?;
    let adopted = session
        .transaction(|| Box::pin(adopt(&session, up_to)))
        .await?;
    let claimed = session
        .transaction(|| Box::pin(claim(database, &session)))
        .await?;
    let more = adopted > 0 || i64::try_from(claimed.len()).is_ok_and(|count| count >= ROWS);
    let mut due = BTreeMap::new();
    for row in claimed {
        if database.places.reads(row.endpoint).is_some() {
            due.entry(row.endpoint)
                .and_modify(|first: &mut Timestamp| *first = row.at.min(*first))
                .or_insert(row.at);
        } else {
            database.places.tell(row.endpoint, None);
        }
    }
    Ok((due, more))
}

/// Gives deliveries that exist in the log only their rows; answers how many events were looked at.
async fn adopt(session: &Session, up_to: Position) -> Result<i32, Failure> {
    // Whether one has ended is looked up one by one: the planner would rather read all that ever ended.
    let begin = format!(
        "{BEGIN}; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;
        SET LOCAL enable_seqscan = off; SET LOCAL jit = off"
    );
    let params = [(&up_to as _, Type::INT8), (&EVENTS as _, Type::INT4)];
    let (_, row, _) = try_join!(
        biased;
        session.batch(&begin),
        session.row("SELECT fanfare.adopt($1, $2)", &params),
        session.batch("COMMIT"),
    )?;
    row.map_or(Ok(0), |row| Ok(row.try_get(0)?))
}

struct Claimed {
    id: DeliveryId,
    endpoint: EndpointId,
    /// When it is due.
    at: Timestamp,
    /// In whose name it waits now.
    node: i64,
    /// The wait before its first attempt, where its row was just made from the log.
    waits: Duration,
}

/// Lets those that were made from the log wait as their policies say, which only a node knows.
async fn wait_first(session: &Session, claimed: &mut [Claimed]) -> Result<(), Failure> {
    let waits = claimed.iter().filter(|row| !row.waits.is_zero());
    let events: BTreeSet<Bits> = waits.map(|row| Bits(row.id.event().to_bytes())).collect();
    if events.is_empty() {
        return Ok(());
    }
    let events: Vec<_> = events.into_iter().collect();
    let rows = session
        .rows(
            "SELECT id, greatest(created_at, deliver_at) FROM fanfare.events WHERE id = ANY($1)",
            &[(&events, Type::UUID_ARRAY)],
        )
        .await?;
    let mut due_from = BTreeMap::new();
    for row in &rows {
        let id: Bits = row.try_get(0)?;
        due_from.insert(id, Timestamp::from_micros(row.try_get(1)?));
    }
    for row in claimed {
        if let Some(due_from) = due_from.get(&Bits(row.id.event().to_bytes())) {
            // It may have waited so in the store from which it was moved.
            row.at = row.at.max(due_from.after(row.waits));
        }
    }
    Ok(())
}

async fn claim(database: &Database, session: &Session) -> Result<Vec<Claimed>, Failure> {
    // Along the index that begins with the node, in either of its two forms.
    let free = |strand: &str| {
        format!(
            "(SELECT id, endpoint, at, CASE WHEN {ADOPTED} THEN event_type END
            FROM fanfare.open_deliveries
            WHERE state = 0 AND {strand} AND batch IS NULL AND node = ANY({GONE})
            LIMIT $1 FOR UPDATE SKIP LOCKED)"
        )
    };
    let timed = free("strand IS NULL");
    let turned = free("strand IS NOT NULL");
    let params = [(&ROWS as _, Type::INT8)];
    let (_, _, mut rows, more) = try_join!(
        biased;
        // Mostly nothing is found, which the planner does not know: it would read everything that waits.
        // What it must read as a whole then looks so dear that it would compile the query, for 150 ms.
        session.batch("BEGIN; SET LOCAL enable_seqscan = off; SET LOCAL jit = off"),
        database.places.be_present(session),
        session.rows(&timed, &params),
        session.rows(&turned, &params),
    )?;
    rows.extend(more);
    rows.extend(batches(session).await?);
    let mut claimed = Vec::with_capacity(rows.len());
    for row in &rows {
        let (id, endpoint): (Bits, Bits) = (row.try_get(0)?, row.try_get(1)?);
        let endpoint = EndpointId::from_bytes(endpoint.0);
        let event_type: Option<&str> = row.try_get(3)?;
        let places = &database.places;
        let waits = event_type.map(|name| places.first_wait(endpoint, name));
        claimed.push(Claimed {
            id: DeliveryId::from_bytes(id.0),
            endpoint,
            at: Timestamp::from_micros(row.try_get(2)?),
            node: places.of(endpoint),
            waits: waits.unwrap_or_default(),
        });
    }
    wait_first(session, &mut claimed).await?;
    if !claimed.is_empty() {
        let ids: Vec<_> = (claimed.iter().map(|row| Bits(row.id.to_bytes()))).collect();
        let nodes: Vec<i64> = claimed.iter().map(|row| row.node).collect();
        let at: Vec<i64> = claimed.iter().map(|row| row.at.micros()).collect();
        session
            .run(
                "UPDATE fanfare.open_deliveries AS row SET node = given.node,
                    at = least(given.at, row.expires_at)
                FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS given (id, node, at)
                WHERE row.id = given.id",
                &[
                    (&ids, Type::UUID_ARRAY),
                    (&nodes, Type::INT8_ARRAY),
                    (&at, Type::INT8_ARRAY),
                ],
            )
            .await?;
    }
    session.batch("COMMIT").await?;
    Ok(claimed)
}

/// Whole batches that are nobody's or of nodes that are gone, locked. One node at a time looks for them, so
/// that none is shared out: each part of it would be sent under the same id.
async fn batches(session: &Session) -> Result<Vec<Row>, Failure> {
    let lock = session
        .row(
            "SELECT pg_try_advisory_xact_lock($1)",
            &[(&BATCHES_LOCK, Type::INT8)],
        )
        .await?;
    if !lock.map_or(Ok(false), |row| row.try_get(0))? {
        return Ok(Vec::new());
    }
    let free = format!("state = 0 AND batch IS NOT NULL AND node = ANY({GONE})");
    let sql = format!(
        "SELECT id, endpoint, at, NULL::text, batch FROM fanfare.open_deliveries WHERE {free} AND id IN (
            SELECT id FROM fanfare.open_deliveries WHERE {free} ORDER BY batch LIMIT $1)
        ORDER BY id FOR UPDATE"
    );
    let mut rows = session.rows(&sql, &[(&ROWS, Type::INT8)]).await?;
    if i64::try_from(rows.len()).is_ok_and(|count| count < ROWS) {
        return Ok(rows);
    }
    // The last one may go on behind what was read; the others are whole, since no batch is that long.
    let of = |row: &Row| -> Result<_, Failure> {
        let place: Bits = row.try_get(4)?;
        Ok(InBatch::from_bytes(place.0).batch())
    };
    let batches: Vec<BatchId> = rows.iter().map(of).collect::<Result<_, _>>()?;
    let last = batches.iter().max().copied();
    let mut batches = batches.into_iter();
    rows.retain(|_| batches.next() != last);
    Ok(rows)
}

/// Looks for what waits for endpoints of this node that one node serves at a time; asks for those that should
/// be this node's.
pub(crate) async fn owned(database: &Database) -> Result<Vec<WaitingLane>, Failure> {
    let session = database.pool.lease().await?;
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let (lanes, last) = lanes::owned(database, &session, after, LANES).await?;
        found.extend(lanes);
        match last {
            Some(last) => after = Some(last),
            None => return Ok(found),
        }
    }
}

/// Lets others take over what this node has, before it leaves.
pub(crate) async fn hand_over(database: &Database) -> Result<(), Failure> {
    let session = database.pool.lease().await?;
    crate::member::declare_gone(&session, database.places.node).await?;
    session
        .run("SELECT pg_notify('fanfare', $1)", &[(&"work", Type::TEXT)])
        .await
        .map(drop)
}

/// Forgets nodes that are gone for a while and have nothing left.
pub(crate) async fn forget_nodes(database: &Database) -> Result<(), Failure> {
    let session = database.pool.lease().await?;
    session
        .run("SELECT fanfare.forget_nodes()", &[])
        .await
        .map(drop)
}
