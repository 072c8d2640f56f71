//! Recording what happened to deliveries.

use fanfare_app::port::deliveries::{Settled, Settlement};
use fanfare_app::port::log::Position;
use fanfare_app::stored::code;
use fanfare_domain::delivery::{Delivery, StateName};
use fanfare_domain::order::Strand;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Statement};

use super::{attempts, order};
use crate::failure::Failure;
use crate::lists::DELIVERIES;
use crate::writer::Writing;

/// Writes a new row.
const ADD: &str = "
    INSERT INTO deliveries (seq, scope, id, event, endpoint, event_type, state, reason, at, attempts,
    extra_attempts, replay_of, created_at, first_attempt_at, last_status, last_error, position,
    strand, holds, expires_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)
    ON CONFLICT (id) DO NOTHING";

/// Replaces a row that waits; one that ended stays as it is. What is newer in the row stays: a settlement that
/// knows of fewer attempts than the row was made before them, so it may end the delivery, but neither make
/// it wait anew nor undo what is known of the attempts.
const REPLACE: &str = "
    UPDATE deliveries SET state = ?3, reason = ?4, at = ?5, attempts = max(attempts, ?6),
    extra_attempts = iif(?6 < attempts, extra_attempts, ?7),
    first_attempt_at = iif(?6 < attempts, first_attempt_at, ?8),
    last_status = iif(?6 < attempts, last_status, ?9),
    last_error = iif(?6 < attempts, last_error, ?10),
    holds = ?11
    WHERE id = ?2 AND scope = ?1 AND state = 0 AND (?3 <> 0 OR ?6 >= attempts) RETURNING seq";

/// About how many bytes a delivery's row has.
const WEIGHT: usize = 128;

/// About how many bytes a settlement writes.
pub(crate) fn weight(settlement: &Settlement) -> usize {
    settlement
        .attempt
        .as_ref()
        .map_or(256, |attempt| attempt.response_body.len() + 1_280)
}

pub(crate) fn all(
    writing: &mut Writing<'_>,
    settlements: &[Settlement],
    materialised: Option<Position>,
) -> Result<Vec<Settled>, Failure> {
    let mut answers = Vec::with_capacity(settlements.len());
    // Looked up once for all of them: finding a statement by its text is no small part of the work.
    let mut statements = Statements {
        attempt: writing.connection.prepare_cached(attempts::RECORD)?,
        add: writing.connection.prepare_cached(ADD)?,
        replace: writing.connection.prepare_cached(REPLACE)?,
    };
    for settlement in settlements {
        answers.push(one(writing, &mut statements, settlement)?);
    }
    if let Some(position) = materialised {
        // Written also where it stands already: a commit that changes nothing would sync nothing.
        writing
            .connection
            .prepare_cached(
                "INSERT INTO counters (name, value) VALUES ('materialised', ?1)
                ON CONFLICT (name) DO UPDATE SET value = excluded.value
                WHERE excluded.value >= value",
            )?
            .execute([position])?;
    }
    Ok(answers)
}

struct Statements<'c> {
    attempt: CachedStatement<'c>,
    add: CachedStatement<'c>,
    replace: CachedStatement<'c>,
}

fn one(
    writing: &mut Writing<'_>,
    statements: &mut Statements<'_>,
    settlement: &Settlement,
) -> Result<Settled, Failure> {
    let delivery = &settlement.delivery;
    let connection = writing.connection;
    let scope = writing.state.scopes.number(connection, &delivery.scope)?;
    let last = match writing.state.last_delivery {
        Some(last) => last,
        None => last_seq(connection)?,
    };
    let next = last + 1;
    let added = add(&mut statements.add, next, scope, delivery)?;
    writing.state.last_delivery = Some(if added { next } else { last });
    if added {
        writing.state.listed_deliveries.added(next, WEIGHT);
    }
    let replaced = match added {
        true => Some(next),
        false => replace(&mut statements.replace, scope, delivery)?,
    };
    let (seq, settled) = match replaced {
        Some(seq) => (seq, Settled::Recorded),
        None => kept(connection, scope, delivery)?,
    };
    let sums = &mut writing.state.tallies;
    if let Some(attempt) = &settlement.attempt
        && attempts::record(&mut statements.attempt, seq, attempt)?
    {
        sums.attempt(delivery, attempt);
    }
    if replaced.is_some() {
        sums.end(delivery.endpoint, &delivery.state, 1);
        if delivery.replay_of.is_some() && delivery.state.name() == StateName::Delivered {
            order::replayed(connection, delivery)?;
        }
    }
    Ok(settled)
}

/// The `seq` of a row that stays as it is, and what to answer.
fn kept(
    connection: &Connection,
    scope: i64,
    delivery: &Delivery,
) -> Result<(i64, Settled), Failure> {
    let (seq, waits) = connection
        .prepare_cached("SELECT seq, state = 0 FROM deliveries WHERE scope = ?1 AND id = ?2")?
        .query_row((scope, delivery.id.to_bytes()), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    // Where it waits, what the row says is newer, and no less recorded.
    let settled = if waits {
        Settled::Recorded
    } else {
        Settled::HadEnded
    };
    Ok((seq, settled))
}

/// The number after which new rows go on. Those of rows that are gone come again, but never one that
/// the lists reach already.
fn last_seq(connection: &Connection) -> Result<i64, Failure> {
    let present: Option<i64> = connection
        .prepare_cached("SELECT max(seq) FROM deliveries")?
        .query_row([], |row| row.get(0))?;
    Ok(present.unwrap_or(0).max(DELIVERIES.reach(connection)?))
}

/// Writes a delivery by the statement [`ADD`]; false where it has a row already.
fn add(
    statement: &mut Statement<'_>,
    seq: i64,
    scope: i64,
    delivery: &Delivery,
) -> Result<bool, Failure> {
    let (state, reason, at) = code::of_state(&delivery.state);
    // A first delivery's id names its event.
    let event = (delivery.event != delivery.id.event()).then(|| delivery.event.to_bytes());
    let changed = statement.execute(rusqlite::params![
        seq,
        scope,
        delivery.id.to_bytes(),
        event,
        delivery.endpoint.to_bytes(),
        delivery.event_type.as_str(),
        state,
        reason,
        at.micros(),
        delivery.attempts,
        delivery.extra_attempts,
        delivery.replay_of.map(|id| id.to_bytes()),
        delivery.created_at.micros(),
        delivery.first_attempt_at.map(|at| at.micros()),
        delivery.last_status,
        delivery.last_error.map(code::of_error_kind),
        delivery.turn.map(|turn| turn.position),
        delivery
            .turn
            .and_then(|turn| turn.strand)
            .map(Strand::number),
        holds(delivery),
        delivery.expires_at.map(|at| at.micros()),
    ])?;
    Ok(changed == 1)
}

/// Replaces a delivery's row by the statement [`REPLACE`], and gives its `seq`; none where the row stays.
fn replace(
    statement: &mut Statement<'_>,
    scope: i64,
    delivery: &Delivery,
) -> Result<Option<i64>, Failure> {
    let (state, reason, at) = code::of_state(&delivery.state);
    let params = rusqlite::params![
        scope,
        delivery.id.to_bytes(),
        state,
        reason,
        at.micros(),
        delivery.attempts,
        delivery.extra_attempts,
        delivery.first_attempt_at.map(|at| at.micros()),
        delivery.last_status,
        delivery.last_error.map(code::of_error_kind),
        holds(delivery),
    ];
    Ok(statement.query_row(params, |row| row.get(0)).optional()?)
}

fn holds(delivery: &Delivery) -> Option<i64> {
    delivery.turn.filter(|turn| turn.holds).map(|_| 1)
}
