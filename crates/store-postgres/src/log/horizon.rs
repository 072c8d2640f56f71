//! How far the log can be read without passing what is still to come; see [`super`].

use std::sync::Arc;
use std::time::Duration;

use fanfare_app::port::StoreError;
use fanfare_app::port::log::{Event, Position};
use tokio::time::Instant;
use tokio_postgres::types::Type;

use super::row;
use crate::bits::limit;
use crate::failure::Failure;
use crate::session::Session;
use crate::store::Database;

/// Tells locks of positions from other locks with a number.
pub(super) const MARK: i64 = 1 << 62;

/// How often it is looked whether a transaction has ended, and for how long.
const LOOK: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(2);

/// Keeps readers from passing the positions that this transaction takes after it.
pub(super) async fn hold(session: &Session) -> Result<(), Failure> {
    session
        .run(
            "SELECT pg_advisory_xact_lock_shared($1 + last_value) FROM fanfare.positions",
            &[(&MARK, Type::INT8)],
        )
        .await
        .map(drop)
}

/// The last position that was given to anybody; 0 before the first.
pub(crate) async fn last_given(session: &Session) -> Result<Position, Failure> {
    let row = session
        .row(
            "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM fanfare.positions",
            &[],
        )
        .await?;
    row.map_or(Ok(0), |row| Ok(row.try_get(0)?))
}

/// The least position up to which, it included, a transaction under way leaves everything alone; none
/// when none is under way.
async fn held_at(session: &Session) -> Result<Option<Position>, Failure> {
    // A lock with one number shows its upper half as classid and its lower half as objid.
    let row = session
        .row(
            "SELECT min((classid::bigint << 32) + objid::bigint) - $1 FROM pg_locks
            WHERE locktype = 'advisory' AND objsubid = 1 AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND (classid::bigint << 32) + objid::bigint >= $1",
            &[(&MARK, Type::INT8)],
        )
        .await?;
    row.map_or(Ok(None), |row| Ok(row.try_get(0)?))
}

/// How far the log can be read now, and the last position that was given to anybody.
pub(crate) async fn look(session: &Session) -> Result<(Position, Position), Failure> {
    // In this order: what had got its position before the first look has ended by the second, or
    // shows its lock.
    let last = last_given(session).await?;
    let held = held_at(session).await?;
    Ok((held.map_or(last, |held| held.min(last)), last))
}

/// Waits between two looks, for so long in all.
struct Patience(Instant);

impl Patience {
    async fn wait(&self) -> Result<(), Failure> {
        if self.0.elapsed() > PATIENCE {
            let source = "a transaction that was given earlier positions has not ended yet";
            return Err(StoreError::unavailable(source).into());
        }
        tokio::time::sleep(LOOK).await;
        Ok(())
    }
}

/// Events of this node, or of all where it is none, after a position, in order, none of which comes before one that is still to be
/// committed.
pub(super) async fn read_after(
    database: &Database,
    position: Position,
    count: usize,
) -> Result<Vec<(Position, Arc<Event>)>, Failure> {
    let session = database.pool.lease().await?;
    let patience = Patience(Instant::now());
    let mut wanted = None;
    loop {
        let (horizon, last) = look(&session).await?;
        let wanted = *wanted.get_or_insert(last);
        let found = row::collect(
            &session,
            &database.scopes,
            "($1 = 0 OR node = $1) AND position > $2 AND position <= $3 ORDER BY position LIMIT $4",
            &[
                (&database.places.node, Type::INT8),
                (&position, Type::INT8),
                (&horizon, Type::INT8),
                (&limit(count), Type::INT8),
            ],
        )
        .await?;
        if !found.is_empty() || horizon >= wanted {
            return Ok(found);
        }
        patience.wait().await?;
    }
}

/// Positions of this node behind one, complete up to what was given to anybody before.
pub(super) async fn positions_after(
    database: &Database,
    position: Position,
    count: usize,
) -> Result<Vec<Position>, Failure> {
    let session = database.pool.lease().await?;
    let wanted = settled(&session).await?;
    let rows = session
        .rows(
            "SELECT position FROM fanfare.events
            WHERE ($1 = 0 OR node = $1) AND position > $2 AND position <= $3 ORDER BY position LIMIT $4",
            &[
                (&database.places.node, Type::INT8),
                (&position, Type::INT8),
                (&wanted, Type::INT8),
                (&limit(count), Type::INT8),
            ],
        )
        .await?;
    let read = |row: &tokio_postgres::Row| Ok(row.try_get(0)?);
    rows.iter().map(read).collect()
}

/// The last position that was given to anybody, once all that were given up to it are committed or
/// never will be.
pub(crate) async fn settled(session: &Session) -> Result<Position, Failure> {
    let patience = Patience(Instant::now());
    let mut wanted = None;
    loop {
        let (horizon, last) = look(session).await?;
        let wanted = *wanted.get_or_insert(last);
        if horizon >= wanted {
            return Ok(wanted);
        }
        patience.wait().await?;
    }
}
