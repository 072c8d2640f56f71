//! What happened at each endpoint in each minute.

use std::collections::BTreeMap;

use fanfare_app::port::deliveries::Tally;
use fanfare_domain::attempt::Attempt;
use fanfare_domain::delivery::{Delivery, DeliveryState};
use fanfare_domain::id::EndpointId;
use fanfare_domain::time::Timestamp;
use rusqlite::Connection;

use crate::failure::Failure;
use crate::reader::Reading;
use crate::row::Row;

const MINUTE: i64 = 60_000_000;

fn minute(time: Timestamp) -> i64 {
    time.micros() / MINUTE
}

/// Tallies of one transaction, summed up in memory so that each row is written once for each commit.
#[derive(Default)]
pub(crate) struct Sums(BTreeMap<(EndpointId, i64), Tally>);

impl Sums {
    fn of(&mut self, endpoint: EndpointId, time: Timestamp) -> &mut Tally {
        self.0.entry((endpoint, minute(time))).or_default()
    }

    /// Counts an attempt in the minute in which it began. It succeeded where it ended its delivery so.
    pub(super) fn attempt(&mut self, delivery: &Delivery, attempt: &Attempt) {
        let tally = self.of(delivery.endpoint, attempt.started_at);
        if matches!(delivery.state, DeliveryState::Delivered { .. }) {
            tally.succeeded += 1;
        } else {
            tally.unsuccessful += 1;
        }
        tally.duration_ms += u64::try_from(attempt.timings.total.as_millis()).unwrap_or(u64::MAX);
    }

    /// Counts ends in their minute.
    pub(super) fn end(&mut self, endpoint: EndpointId, state: &DeliveryState, count: u64) {
        match *state {
            DeliveryState::Waiting { .. } => {}
            DeliveryState::Delivered { at } => self.of(endpoint, at).delivered += count,
            DeliveryState::Failed { at, .. } => self.of(endpoint, at).failed += count,
            DeliveryState::Discarded { at, .. } => self.of(endpoint, at).discarded += count,
        }
    }

    /// Adds the sums to the rows, and is empty then.
    pub(crate) fn write(&mut self, connection: &Connection) -> Result<(), Failure> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut statement = connection.prepare_cached(
            "INSERT INTO tallies (endpoint, minute, succeeded, unsuccessful, delivered, failed,
            discarded, duration_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
            ON CONFLICT (endpoint, minute) DO UPDATE SET
            succeeded = succeeded + excluded.succeeded,
            unsuccessful = unsuccessful + excluded.unsuccessful,
            delivered = delivered + excluded.delivered,
            failed = failed + excluded.failed,
            discarded = discarded + excluded.discarded,
            duration_ms = duration_ms + excluded.duration_ms",
        )?;
        for ((endpoint, minute), tally) in std::mem::take(&mut self.0) {
            let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
            statement.execute((
                endpoint.to_bytes(),
                minute,
                number(tally.succeeded),
                number(tally.unsuccessful),
                number(tally.delivered),
                number(tally.failed),
                number(tally.discarded),
                number(tally.duration_ms),
            ))?;
        }
        Ok(())
    }
}

pub(super) fn between(
    reading: &Reading<'_>,
    endpoint: EndpointId,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Tally>, Failure> {
    let mut statement = reading.connection.prepare_cached(
        "SELECT endpoint, minute, succeeded, unsuccessful, delivered, failed, discarded,
        duration_ms FROM tallies WHERE endpoint = ?1 AND minute >= ?2 AND minute < ?3
        ORDER BY minute",
    )?;
    // A minute that begins before `from` is not from `from` on; the same for `to`.
    let up = |time: Timestamp| (time.micros() + MINUTE - 1) / MINUTE;
    let mut rows = statement.query((endpoint.to_bytes(), minute(from), up(to)))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let row = Row {
            row,
            table: "tallies",
            key: 2,
        };
        found.push(Tally {
            minute: row.get(1, "minute")?,
            succeeded: row.number(2, "succeeded")?,
            unsuccessful: row.number(3, "unsuccessful")?,
            delivered: row.number(4, "delivered")?,
            failed: row.number(5, "failed")?,
            discarded: row.number(6, "discarded")?,
            duration_ms: row.number(7, "duration_ms")?,
        });
    }
    Ok(found)
}
