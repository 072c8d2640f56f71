//! One writer thread over SQLite: what waits is committed together, and synced.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use anyhow::Result;
use bytes::Bytes;
use rusqlite::{Connection, params};
use tokio::sync::oneshot;

/// Writes that wait; past it whoever sends one waits.
const QUEUE: usize = 65_536;
/// Writes of one commit.
const BATCH: usize = 1_024;

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA cache_size = -16000;
    CREATE TABLE events (id INTEGER PRIMARY KEY, tenant TEXT, time INTEGER, body BLOB);
    CREATE TABLE deliveries (event INTEGER, place INTEGER, url TEXT, status INTEGER, answer BLOB,
        micros INTEGER, PRIMARY KEY (event, place)) WITHOUT ROWID;";

pub(crate) enum Write {
    Append {
        event: i64,
        tenant: String,
        time: i64,
        body: Bytes,
        urls: Arc<[String]>,
        done: oneshot::Sender<()>,
    },
    Settle {
        event: i64,
        place: usize,
        status: u16,
        answer: Bytes,
        micros: i64,
    },
}

/// Makes the store; its thread ends with the last sender.
pub(crate) fn open(path: &str) -> Result<SyncSender<Write>> {
    let connection = Connection::open(path)?;
    connection.execute_batch(SCHEMA)?;
    let (writes, queue) = sync_channel(QUEUE);
    let run = move || run(&connection, &queue).expect("the store can be written");
    thread::Builder::new()
        .name("store-writer".to_owned())
        .spawn(run)?;
    Ok(writes)
}

fn run(connection: &Connection, queue: &Receiver<Write>) -> rusqlite::Result<()> {
    let mut acknowledged = Vec::new();
    while let Ok(first) = queue.recv() {
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        for write in std::iter::once(first).chain(queue.try_iter().take(BATCH)) {
            acknowledged.extend(apply(connection, write)?);
        }
        connection.prepare_cached("COMMIT")?.execute([])?;
        for done in acknowledged.drain(..) {
            // A publisher that is gone wants no answer.
            let _ = done.send(());
        }
    }
    Ok(())
}

fn apply(connection: &Connection, write: Write) -> rusqlite::Result<Option<oneshot::Sender<()>>> {
    match write {
        Write::Append {
            event,
            tenant,
            time,
            body,
            urls,
            done,
        } => {
            connection
                .prepare_cached("INSERT INTO events VALUES (?, ?, ?, ?)")?
                .execute(params![event, tenant, time, &body[..]])?;
            let insert = "INSERT INTO deliveries (event, place, url) VALUES (?, ?, ?)";
            for (place, url) in urls.iter().enumerate() {
                connection
                    .prepare_cached(insert)?
                    .execute(params![event, place as i64, url])?;
            }
            Ok(Some(done))
        }
        Write::Settle {
            event,
            place,
            status,
            answer,
            micros,
        } => {
            let update = "UPDATE deliveries SET status = ?, answer = ?, micros = ?
                WHERE event = ? AND place = ?";
            connection.prepare_cached(update)?.execute(params![
                status,
                &answer[..],
                micros,
                event,
                place as i64
            ])?;
            Ok(None)
        }
    }
}
