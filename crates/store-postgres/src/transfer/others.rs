//! Seeing to it that nobody else uses a store that takes part in a move.

use std::collections::HashMap;
use std::time::Duration;

use fanfare_app::transfer::{OpenError, Refusal};
use tokio::time::Instant;
use tokio_postgres::types::Type;

use super::cannot;
use crate::address::Address;
use crate::failure::Failure;
use crate::member::declare_gone;
use crate::options::Options;
use crate::session::Session;

/// The number of the lock of the one that fills a store: "moving" in ASCII.
const LOCK: i64 = 120_325_495_418_471;

/// How long it is waited for that lock, and how often it is looked: the server may not have seen yet that
/// a move was killed just before.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(50);

/// A node that has not been declared gone.
struct Node {
    id: i64,
    name: String,
    beat: i64,
}

async fn there(session: &Session) -> Result<Vec<Node>, Failure> {
    let rows = session
        .rows(
            "SELECT id, name, beat FROM fanfare.nodes WHERE gone_at IS NULL ORDER BY id",
            &[],
        )
        .await?;
    let read = |row: &tokio_postgres::Row| {
        Ok(Node {
            id: row.try_get(0)?,
            name: row.try_get(1)?,
            beat: row.try_get(2)?,
        })
    };
    rows.iter().map(read).collect()
}

fn in_use(address: &Address, node: &Node) -> OpenError {
    let refusal = Refusal::InUse {
        place: address.to_string(),
        user: format!("node {} ({})", node.id, node.name),
    };
    refusal.into()
}

/// Refuses a store that a node works with. Those that are silent for the whole time are declared gone.
pub(super) async fn must_be_gone(
    session: &Session,
    address: &Address,
    detection: Duration,
) -> Result<(), OpenError> {
    let cannot = cannot(address);
    let failed = |failure: Failure| cannot(failure.into());
    let began = Instant::now();
    let first = there(session).await.map_err(failed)?;
    let beats: HashMap<i64, i64> = first.iter().map(|node| (node.id, node.beat)).collect();
    while !first.is_empty() && began.elapsed() < detection {
        tokio::time::sleep(detection / 20).await;
        let now = there(session).await.map_err(failed)?;
        if let Some(node) = now
            .iter()
            .find(|node| beats.get(&node.id) != Some(&node.beat))
        {
            return Err(in_use(address, node));
        }
    }
    for node in first {
        declare_gone(session, node.id).await.map_err(failed)?;
    }
    Ok(())
}

/// Refuses a store that a node works with.
pub(super) async fn nobody(session: &Session, address: &Address) -> Result<(), OpenError> {
    let there = there(session).await;
    let there = there.map_err(|failure| cannot(address)(failure.into()))?;
    there
        .first()
        .map_or(Ok(()), |node| Err(in_use(address, node)))
}

/// Lets no node join, and nobody change the configuration, as long as the answer is kept.
pub(super) async fn keep_out(address: &Address, options: &Options) -> Result<Session, OpenError> {
    let cannot = cannot(address);
    let failed = |failure: Failure| cannot(failure.into());
    let session = Session::connect(address, options).await.map_err(failed)?;
    session
        .batch(
            "BEGIN;
            SET LOCAL idle_in_transaction_session_timeout = 0;
            SET LOCAL lock_timeout = '10s';
            LOCK TABLE fanfare.nodes, fanfare.documents IN SHARE MODE",
        )
        .await
        .map_err(failed)?;
    nobody(&session, address).await?;
    Ok(session)
}

/// Refuses a target that another move fills. The lock ends with the session.
pub(super) async fn be_the_only_move(
    session: &Session,
    address: &Address,
) -> Result<(), OpenError> {
    let began = Instant::now();
    loop {
        let row = session
            .row("SELECT pg_try_advisory_lock($1)", &[(&LOCK, Type::INT8)])
            .await;
        let row = row.map_err(|failure| cannot(address)(failure.into()))?;
        if row.is_some_and(|row| row.try_get(0).unwrap_or(false)) {
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    let refusal = Refusal::InUse {
        place: address.to_string(),
        user: "another `fanfare move`".to_owned(),
    };
    Err(refusal.into())
}
