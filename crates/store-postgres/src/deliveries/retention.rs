//! Taking what has expired: by days, or row by row.

use fanfare_app::port::deliveries::Expired;
use fanfare_app::stored::tally::minute;
use tokio_postgres::types::Type;

use super::write::AT_ONCE;
use crate::bits::{Bits, limit};
use crate::days::{self, Table};
use crate::failure::Failure;
use crate::session::Session;
use crate::store::Database;

/// Takes whole days, see [`crate::days`].
pub(super) async fn days(database: &Database, expired: Expired) -> Result<(), Failure> {
    let (tables, before): (&[Table], _) = match expired {
        Expired::Attempts(time) => (&[Table::Attempts], time),
        Expired::Deliveries(time) => (&[Table::Deliveries, Table::Attempts], time),
        Expired::Tallies(time) => (&[Table::Tallies], time),
    };
    days::take(database, tables, before).await
}

pub(super) async fn step(
    session: &Session,
    expired: Expired,
    count: usize,
) -> Result<usize, Failure> {
    let count = limit(count.min(AT_ONCE));
    let taken = match expired {
        Expired::Attempts(time) => {
            session
                .run(
                    "DELETE FROM fanfare.attempts WHERE id IN (
                        SELECT attempt.id FROM fanfare.attempts AS attempt
                        WHERE attempt.id < $1 AND NOT EXISTS (
                            SELECT FROM fanfare.open_deliveries AS row WHERE row.state = 0
                            AND row.id = fanfare.delivery_of(attempt.id))
                        ORDER BY attempt.id LIMIT $2)",
                    &[(&Bits::at(time), Type::UUID), (&count, Type::INT8)],
                )
                .await?
        }
        Expired::Deliveries(time) => {
            let row = session
                .row(
                    "WITH gone AS (
                        DELETE FROM fanfare.deliveries WHERE id IN (
                            SELECT id FROM fanfare.deliveries WHERE id < $1 ORDER BY id LIMIT $2)
                        RETURNING id
                    ), attempts AS (
                        DELETE FROM fanfare.attempts AS attempt USING gone
                        WHERE attempt.id > gone.id
                        AND attempt.id <= fanfare.last_attempt_of(gone.id) AND attempt.id < $1
                    )
                    SELECT count(*) FROM gone",
                    &[(&Bits::at(time), Type::UUID), (&count, Type::INT8)],
                )
                .await?;
            let count: i64 = row.map_or(Ok(0), |row| row.try_get(0))?;
            u64::try_from(count).unwrap_or(0)
        }
        Expired::Tallies(time) => {
            session
                .run(
                    "DELETE FROM fanfare.tallies WHERE (endpoint, minute, node) IN (
                        SELECT endpoint, minute, node FROM fanfare.tallies WHERE minute < $1
                        LIMIT $2)",
                    &[(&minute(time), Type::INT8), (&count, Type::INT8)],
                )
                .await?
        }
    };
    Ok(usize::try_from(taken).unwrap_or(usize::MAX))
}
