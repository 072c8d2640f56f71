//! Retention by days: partitions go whole.
//!
//! A day goes when all of it is past its time. What still waits has its delivery in a table of its own,
//! but needs its event, its payload and its attempts: those are copied, the partition is emptied at
//! once, and they are put back, so that they are found where their ids say. A partition with nothing
//! left is taken out without holding anybody up (`DETACH … CONCURRENTLY`), and dropped. Until all of a
//! day is gone, what is left of it is as small as what waits.
//!
//! One node does this at a time; the others leave it to that one. A node that ends a delivery of a day
//! that is gone makes the partition anew, and the next pass takes it again.

use std::time::Duration;

use fanfare_domain::time::Timestamp;
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::options::Options;
use crate::partition::day;
use crate::session::Session;
use crate::store::Database;

/// The number of the lock under which days are taken: "days" in ASCII.
const LOCK: i64 = 1_684_109_683;

/// Taking a table out waits for everything that uses it, which may be a long report.
const PATIENCE: Duration = Duration::from_secs(60);

/// Callers' ids of events that are gone, forgotten at a time.
const UIDS_AT_ONCE: i64 = 5_000;

/// A table whose days are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    Events,
    Payloads,
    Deliveries,
    Attempts,
    Tallies,
}

impl Table {
    const fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Payloads => "payloads",
            Self::Deliveries => "deliveries",
            Self::Attempts => "attempts",
            Self::Tallies => "tallies",
        }
    }

    /// The rows of a day's partition that stay, as a condition on `row`; none: no row does.
    fn kept(self, day: i64) -> Option<String> {
        // Events that a delivery waits for, or that may be on their way without a row: those behind what
        // their node has materialised, as long as it is not forgotten.
        const WAITED_FOR: &str = "SELECT coalesce(event, fanfare.event_of(id)) \
            FROM fanfare.open_deliveries WHERE state = 0";
        let on_its_way = |event: &str| {
            format!(
                "{event}.position > (SELECT coalesce((SELECT value FROM fanfare.counters
                    WHERE name = 'materialised' AND counters.node = nodes.id), 0)
                FROM fanfare.nodes WHERE nodes.id = {event}.node)"
            )
        };
        match self {
            Self::Events => Some(format!("row.id IN ({WAITED_FOR}) OR {}", on_its_way("row"))),
            Self::Payloads => Some(format!(
                "row.id IN ({WAITED_FOR}) OR row.id IN (SELECT event.id FROM fanfare.events AS event
                    WHERE event.id >= fanfare.first_id_of({day})
                    AND event.id < fanfare.first_id_of({day} + 1) AND {})",
                on_its_way("event")
            )),
            Self::Attempts => Some(
                "fanfare.delivery_of(row.id) IN (
                    SELECT id FROM fanfare.open_deliveries WHERE state = 0)"
                    .to_owned(),
            ),
            Self::Deliveries | Self::Tallies => None,
        }
    }
}

/// Takes the days of some tables that end before a time.
pub(crate) async fn take(
    database: &Database,
    tables: &[Table],
    before: Timestamp,
) -> Result<(), Failure> {
    let options = Options {
        statement_time: PATIENCE,
        ..database.options.clone()
    };
    let session = Session::connect(&database.direct, &options).await?;
    if !locked(&session).await? {
        return Ok(());
    }
    let taken = take_within(database, &session, tables, day(before)).await;
    // The lock would end with the session too, some time later.
    session
        .run("SELECT pg_advisory_unlock($1)", &[(&LOCK, Type::INT8)])
        .await?;
    taken
}

async fn take_within(
    database: &Database,
    session: &Session,
    tables: &[Table],
    before: i64,
) -> Result<(), Failure> {
    for table in tables {
        for partition in partitions(session, *table).await? {
            if partition.day < before {
                one(session, *table, &partition).await?;
                database.partitions.forget();
            }
        }
        if *table == Table::Events {
            forget_uids(session, before).await?;
        }
    }
    Ok(())
}

/// Whether this node is the one that takes days now. The lock ends with the session.
async fn locked(session: &Session) -> Result<bool, Failure> {
    let row = session
        .row("SELECT pg_try_advisory_lock($1)", &[(&LOCK, Type::INT8)])
        .await?;
    row.map_or(Ok(false), |row| Ok(row.try_get(0)?))
}

struct Partition {
    name: String,
    day: i64,
    /// Whether taking it out was begun and not finished.
    half_out: bool,
}

async fn partitions(session: &Session, table: Table) -> Result<Vec<Partition>, Failure> {
    let rows = session
        .rows(
            "SELECT relname::text, (to_date(right(relname, 8), 'YYYYMMDD') - date 'epoch')::bigint,
                inhdetachpending
            FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
            WHERE inhparent = ('fanfare.' || $1::text)::regclass AND relkind = 'r'
            ORDER BY relname",
            &[(&table.name(), Type::TEXT)],
        )
        .await?;
    let read = |row: &tokio_postgres::Row| {
        Ok(Partition {
            name: row.try_get(0)?,
            day: row.try_get(1)?,
            half_out: row.try_get(2)?,
        })
    };
    rows.iter().map(read).collect()
}

async fn one(session: &Session, table: Table, partition: &Partition) -> Result<(), Failure> {
    let (parent, name) = (table.name(), &partition.name);
    if partition.half_out {
        let finish =
            format!("ALTER TABLE fanfare.{parent} DETACH PARTITION fanfare.{name} FINALIZE");
        session.batch(&finish).await?;
    } else {
        if let Some(kept) = table.kept(partition.day) {
            let some = format!("SELECT EXISTS (SELECT FROM fanfare.{name} AS row WHERE {kept})");
            if truth(session, &some).await? {
                return empty(session, name, &kept).await;
            }
        }
        let take_out =
            format!("ALTER TABLE fanfare.{parent} DETACH PARTITION fanfare.{name} CONCURRENTLY");
        session.batch(&take_out).await?;
    }
    session.batch(&format!("DROP TABLE fanfare.{name}")).await?;
    tracing::info!(store.table = %name, "a day past its time was taken");
    Ok(())
}

async fn truth(session: &Session, sql: &str) -> Result<bool, Failure> {
    let row = session.row(sql, &[]).await?;
    row.map_or(Ok(false), |row| Ok(row.try_get(0)?))
}

/// Takes all rows of a partition but those that are kept.
async fn empty(session: &Session, name: &str, kept: &str) -> Result<(), Failure> {
    let others =
        format!("SELECT EXISTS (SELECT FROM fanfare.{name} AS row WHERE ({kept}) IS NOT TRUE)");
    if !truth(session, &others).await? {
        return Ok(());
    }
    // Who looks something up in this day waits meanwhile, and nobody else.
    let sql = format!(
        "BEGIN;
        SET LOCAL lock_timeout = '2s';
        LOCK TABLE fanfare.{name} IN ACCESS EXCLUSIVE MODE;
        CREATE TEMPORARY TABLE kept ON COMMIT DROP AS
            SELECT row.* FROM fanfare.{name} AS row WHERE {kept};
        TRUNCATE fanfare.{name};
        INSERT INTO fanfare.{name} SELECT * FROM kept;
        COMMIT"
    );
    if let Err(failure) = session.batch(&sql).await {
        session.roll_back().await;
        return Err(failure);
    }
    tracing::info!(store.table = %name, "a day past its time was taken but for what waits");
    Ok(())
}

/// Callers' ids of events that are gone.
async fn forget_uids(session: &Session, before: i64) -> Result<(), Failure> {
    loop {
        let forgotten = session
            .run(
                "DELETE FROM fanfare.event_uids WHERE (scope, uid) IN (
                    SELECT scope, uid FROM fanfare.event_uids AS row
                    WHERE event < fanfare.first_id_of($1) AND NOT EXISTS (
                        SELECT FROM fanfare.events AS event
                        WHERE event.scope = row.scope AND event.id = row.event)
                    LIMIT $2)",
                &[(&before, Type::INT8), (&UIDS_AT_ONCE, Type::INT8)],
            )
            .await?;
        if i64::try_from(forgotten).is_ok_and(|forgotten| forgotten < UIDS_AT_ONCE) {
            return Ok(());
        }
    }
}
