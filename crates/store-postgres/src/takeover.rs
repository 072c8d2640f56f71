//! Taking over: what nodes accepted that do not deliver it, or not any more.
//!
//! Two steps, each in small transactions that skip what another node has locked, so that those who are
//! there share the work. First, deliveries that exist in the log only get their rows, which are
//! nobody's. Then each node claims rows that are nobody's, or of nodes that are gone; of an endpoint that
//! one node serves at a time, in the name of its owner. Its engine finds them as it finds everything that waits.

use std::collections::BTreeMap;

use fanfare_app::port::deliveries::WaitingLane;
use fanfare_domain::id::EndpointId;
use fanfare_domain::time::Timestamp;
use tokio::try_join;
use tokio_postgres::types::Type;

use crate::bits::Bits;
use crate::deliveries::lanes;
use crate::failure::Failure;
use crate::log::settled;
use crate::session::Session;
use crate::store::Database;

/// Events that get their rows in one transaction.
const EVENTS: i32 = 200;
/// Endpoints that are looked at in one read.
const LANES: usize = 500;
/// Rows that are claimed in one.
const ROWS: i64 = 200;

/// Does both once; answers when something is due for an endpoint that this node serves, and whether
/// there may be more.
pub(crate) async fn step(
    database: &Database,
) -> Result<(BTreeMap<EndpointId, Timestamp>, bool), Failure> {
    let session = database.pool.lease().await?;
    let up_to = settled(&session).await?;
    let adopted: i32 = session
        .row(
            "SELECT fanfare.adopt($1, $2)",
            &[(&up_to, Type::INT8), (&EVENTS, Type::INT4)],
        )
        .await?
        .map_or(Ok(0), |row| row.try_get(0))?;
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

struct Claimed {
    endpoint: EndpointId,
    at: Timestamp,
    /// In whose name it waits now.
    node: i64,
}

async fn claim(database: &Database, session: &Session) -> Result<Vec<Claimed>, Failure> {
    // Along the index that begins with the node, in either of its two forms.
    let free = |strand: &str| {
        format!(
            "(SELECT id, endpoint, at FROM fanfare.open_deliveries
            WHERE state = 0 AND {strand} AND node = ANY(ARRAY(
                SELECT 0::bigint UNION SELECT id FROM fanfare.nodes WHERE gone_at IS NOT NULL))
            LIMIT $1 FOR UPDATE SKIP LOCKED)"
        )
    };
    let timed = free("strand IS NULL");
    let turned = free("strand IS NOT NULL");
    let params = [(&ROWS as _, Type::INT8)];
    let (_, _, mut rows, more) = try_join!(
        biased;
        session.batch("BEGIN"),
        database.places.be_present(session),
        session.rows(&timed, &params),
        session.rows(&turned, &params),
    )?;
    rows.extend(more);
    let mut claimed = Vec::with_capacity(rows.len());
    let mut ids: Vec<Bits> = Vec::with_capacity(rows.len());
    for row in &rows {
        let endpoint: Bits = row.try_get(1)?;
        let endpoint = EndpointId::from_bytes(endpoint.0);
        ids.push(row.try_get(0)?);
        claimed.push(Claimed {
            endpoint,
            at: Timestamp::from_micros(row.try_get(2)?),
            node: database.places.of(endpoint),
        });
    }
    if !ids.is_empty() {
        let nodes: Vec<i64> = claimed.iter().map(|row| row.node).collect();
        session
            .run(
                "UPDATE fanfare.open_deliveries AS row SET node = given.node
                FROM unnest($1::uuid[], $2::bigint[]) AS given (id, node)
                WHERE row.id = given.id",
                &[(&ids, Type::UUID_ARRAY), (&nodes, Type::INT8_ARRAY)],
            )
            .await?;
    }
    session.batch("COMMIT").await?;
    Ok(claimed)
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
