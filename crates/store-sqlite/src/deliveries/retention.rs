//! Taking what has expired.
//!
//! Ids sort by time, so what is old stands at the start of all deliveries; attempts stand in the order of
//! their deliveries' rows, which is nearly that. A reader looks for it in short steps that do not hold the
//! writer; the writer then takes what was found, and looks again whether it still ended. What waits is
//! passed over. Where the search ended is remembered, so that the next one does not pass over the same
//! again.

use fanfare_app::port::StoreError;
use fanfare_app::port::deliveries::Expired;
use fanfare_domain::id::EventId;
use fanfare_domain::time::Timestamp;
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension};

use super::attempts;
use crate::failure::Failure;
use crate::lists::{DELIVERIES, Owner};
use crate::reader::Reading;
use crate::store::Database;
use crate::writer::Writing;

/// The most rows that one commit takes, so that others need not wait for long.
const AT_ONCE: usize = 1_000;

/// The most rows that one read looks at.
const LOOKED_AT: usize = 4_000;

/// About how many bytes it writes to take a row.
const WEIGHT: usize = 512;

/// A row's key: its tenant and its id; of an attempt, its place; of tallies, the minute and the endpoint.
type Key = (i64, Vec<u8>);

/// Before every key.
const START: Key = (0, Vec::new());

/// Where each search goes on.
#[derive(Default)]
pub(super) struct Walks {
    attempts: Key,
    deliveries: Key,
}

/// What one read found.
struct Found {
    keys: Vec<Key>,
    /// Where to go on; none at the end.
    next: Option<Key>,
}

pub(super) async fn step(
    database: &Database,
    walks: &Mutex<Walks>,
    expired: Expired,
    limit: usize,
) -> Result<usize, StoreError> {
    let limit = limit.min(AT_ONCE);
    if limit == 0 {
        return Ok(0);
    }
    let mut from = match expired {
        Expired::Attempts(_) => walks.lock().attempts.clone(),
        Expired::Deliveries(_) => walks.lock().deliveries.clone(),
        // Nothing has to be passed over there.
        Expired::Tallies(_) => START,
    };
    let began_at_start = from == START;
    let mut wrapped = began_at_start;
    loop {
        let start = from.clone();
        let found = database
            .readers
            .read(move |reading| find(reading, expired, start, limit))
            .await?;
        let taken = if found.keys.is_empty() {
            0
        } else {
            let keys = found.keys;
            let weight = keys.len() * WEIGHT;
            let writer = &database.writer;
            writer
                .ask(weight, move |writing| take(writing, expired, &keys))
                .await?
        };
        let ended = found.next.is_none();
        from = found.next.unwrap_or(START);
        match expired {
            Expired::Attempts(_) => walks.lock().attempts.clone_from(&from),
            Expired::Deliveries(_) => walks.lock().deliveries.clone_from(&from),
            Expired::Tallies(_) => {}
        }
        if taken > 0 || (ended && wrapped) {
            return Ok(taken);
        }
        // Nothing behind the place where the last search ended: once more from the start.
        wrapped |= ended;
    }
}

fn find(
    reading: &Reading<'_>,
    expired: Expired,
    from: Key,
    limit: usize,
) -> Result<Found, Failure> {
    let connection = reading.connection;
    let bound = |time| EventId::new(time, 0).to_bytes();
    match expired {
        Expired::Attempts(time) => find_attempts(connection, bound(time), &from, limit),
        Expired::Deliveries(time) => find_deliveries(connection, bound(time), &from, limit),
        Expired::Tallies(time) => find_tallies(connection, time, from, limit),
    }
}

/// Looks through attempts of deliveries of ids below `bound`. It ends at the first step in which all are
/// younger: what stands behind that, out of the order of its id, is found when the rest has come so far.
fn find_attempts(
    connection: &Connection,
    bound: [u8; 16],
    from: &Key,
    limit: usize,
) -> Result<Found, Failure> {
    let mut rows = connection.prepare_cached(
        "SELECT place, deliveries.id < ?2, deliveries.state = 0
        FROM attempts JOIN deliveries ON deliveries.seq = place >> 16
        WHERE place > ?1 ORDER BY place LIMIT ?3",
    )?;
    let mut keys = Vec::new();
    let (mut looked_at, mut old) = (0, 0);
    let most = i64::try_from(LOOKED_AT).unwrap_or(i64::MAX);
    let mut rows = rows.query((from.0, bound, most))?;
    while let Some(row) = rows.next()? {
        let (place, is_old, waits): (i64, bool, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
        looked_at += 1;
        old += usize::from(is_old);
        if is_old && !waits {
            keys.push((place, Vec::new()));
        }
        if keys.len() >= limit || (looked_at >= LOOKED_AT && old > 0) {
            let next = Some((place, Vec::new()));
            return Ok(Found { keys, next });
        }
    }
    Ok(Found { keys, next: None })
}

/// Looks through deliveries of ids below `bound`.
fn find_deliveries(
    connection: &Connection,
    bound: [u8; 16],
    from: &Key,
    limit: usize,
) -> Result<Found, Failure> {
    let mut rows = connection.prepare_cached(
        "SELECT id, scope, state = 0 OR holds IS 1 FROM deliveries INDEXED BY deliveries_id
        WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT ?3",
    )?;
    let mut keys = Vec::new();
    let mut looked_at = 0;
    let most = i64::try_from(LOOKED_AT).unwrap_or(i64::MAX);
    let mut rows = rows.query((&from.1, bound, most))?;
    while let Some(row) = rows.next()? {
        let (id, scope, waits): ([u8; 16], i64, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
        looked_at += 1;
        if !waits {
            keys.push((scope, id.to_vec()));
        }
        if keys.len() >= limit || looked_at >= LOOKED_AT {
            let next = Some((0, id.to_vec()));
            return Ok(Found { keys, next });
        }
    }
    Ok(Found { keys, next: None })
}

/// One seek for each endpoint, since its oldest minute stands first.
fn find_tallies(
    connection: &Connection,
    time: Timestamp,
    from: Key,
    limit: usize,
) -> Result<Found, Failure> {
    let before = time.micros() / 60_000_000;
    let mut first = connection.prepare_cached(
        "SELECT endpoint, minute FROM tallies WHERE endpoint > ?1 ORDER BY endpoint, minute LIMIT 1",
    )?;
    let mut old = connection.prepare_cached(
        "SELECT minute FROM tallies WHERE endpoint = ?1 AND minute < ?2 ORDER BY minute LIMIT ?3",
    )?;
    let mut keys: Vec<Key> = Vec::new();
    let mut after = from.1;
    for _ in 0..LOOKED_AT {
        let found: Option<(Vec<u8>, i64)> = first
            .query_row([&after], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((endpoint, minute)) = found else {
            return Ok(Found { keys, next: None });
        };
        if minute < before {
            let left = i64::try_from(limit - keys.len()).unwrap_or(0);
            let mut minutes = old.query((&endpoint, before, left))?;
            while let Some(row) = minutes.next()? {
                keys.push((row.get(0)?, endpoint.clone()));
            }
        }
        after = endpoint;
        if keys.len() >= limit {
            break;
        }
    }
    let next = Some((0, after));
    Ok(Found { keys, next })
}

fn take(writing: &mut Writing<'_>, expired: Expired, keys: &[Key]) -> Result<usize, Failure> {
    let connection = writing.connection;
    let mut taken = 0;
    match expired {
        Expired::Attempts(_) => {
            let mut attempt = connection.prepare_cached(
                "DELETE FROM attempts WHERE place = ?1 AND NOT EXISTS (
                    SELECT 1 FROM deliveries WHERE seq = ?1 >> 16 AND state = 0)",
            )?;
            for (place, _) in keys {
                taken += attempt.execute([place])?;
            }
        }
        Expired::Deliveries(_) => {
            let mut delivery = connection.prepare_cached(
                "DELETE FROM deliveries WHERE scope = ?1 AND id = ?2 AND state <> 0 AND holds IS NULL
                RETURNING seq, endpoint",
            )?;
            let mut its_attempts =
                connection.prepare_cached("DELETE FROM attempts WHERE place BETWEEN ?1 AND ?2")?;
            for (scope, id) in keys {
                let gone = delivery
                    .query_row((scope, id), |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()?;
                if let Some((seq, endpoint)) = gone
                    && let Ok(id) = <[u8; 16]>::try_from(&**id)
                {
                    let owners = [Owner::Tenant(*scope), Owner::Endpoint(endpoint)];
                    DELIVERIES.remove(connection, id, &owners)?;
                    writing.state.listed_deliveries.removed(seq);
                    its_attempts.execute(attempts::places(seq))?;
                    taken += 1;
                }
            }
        }
        Expired::Tallies(_) => {
            let mut tally = connection
                .prepare_cached("DELETE FROM tallies WHERE endpoint = ?1 AND minute = ?2")?;
            for (minute, endpoint) in keys {
                taken += tally.execute((endpoint, minute))?;
            }
        }
    }
    Ok(taken)
}
