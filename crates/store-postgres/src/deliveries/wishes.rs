//! What nodes wish of each other, in the table `fanfare.wishes`. A hint says that there is something; it is
//! looked for as well.

use std::collections::HashSet;

use async_trait::async_trait;
use fanfare_app::port::error::StoreError;
use fanfare_app::port::wishes::{EndedElsewhere, Wished, Wishes};
use fanfare_app::stored::code;
use fanfare_domain::delivery::{Delivery, DiscardedReason};
use fanfare_domain::id::{DeliveryId, JobId};
use tokio::try_join;
use tokio_postgres::types::Type;

use super::PostgresDeliveries;
use super::row::{self, COLUMNS, own, read_id, small};
use crate::bits::{Bits, bits};
use crate::failure::Failure;
use crate::session::Session;
use crate::store::Database;

/// In the place of a job's id: an extra attempt is wished.
const EXTRA: Bits = Bits([0; 16]);
/// The most wishes of extra attempts, and of each job, that stand at a time.
const MOST: i64 = 2_000;
/// The most that one look answers.
const STEP: i64 = 500;

#[async_trait]
impl Wishes for PostgresDeliveries {
    async fn wish_extra(&self, delivery: &Delivery) -> Result<bool, StoreError> {
        if self.node() == 0 {
            return Ok(false);
        }
        let session = self.database.pool.lease().await?;
        let left = extra(&session, self.node(), delivery).await?;
        if left {
            self.database.places.hints.work_is_left();
        }
        Ok(left)
    }

    async fn wish_ended(
        &self,
        job: JobId,
        deliveries: &[DeliveryId],
    ) -> Result<HashSet<DeliveryId>, StoreError> {
        if self.node() == 0 || deliveries.is_empty() {
            return Ok(HashSet::new());
        }
        let session = self.database.pool.lease().await?;
        let others = ended(&session, self.node(), job, deliveries).await?;
        if !others.is_empty() {
            self.database.places.hints.work_is_left();
        }
        Ok(others)
    }

    async fn ended_elsewhere(&self, job: JobId) -> Result<Vec<EndedElsewhere>, StoreError> {
        if self.node() == 0 {
            return Ok(Vec::new());
        }
        let session = self.database.pool.lease().await?;
        Ok(granted(&session, job).await?)
    }

    async fn wished(&self) -> Result<Wished, StoreError> {
        if self.node() == 0 {
            return Ok(Wished::default());
        }
        Ok(wished(&self.database).await?)
    }
}

async fn extra(session: &Session, node: i64, delivery: &Delivery) -> Result<bool, Failure> {
    // Without a row it is in the memory of whoever accepted it, and its first attempt about to begin.
    let own = own(1);
    let sql = format!(
        "WITH stands AS (
            SELECT {own} AS own FROM fanfare.open_deliveries AS row WHERE row.id = $2 AND row.state = 0
        ), wished AS (
            INSERT INTO fanfare.wishes (job, delivery, known_attempts)
            SELECT $3, $2, $4 FROM stands WHERE NOT own AND $5 > (
                SELECT count(*) FROM (SELECT FROM fanfare.wishes WHERE job = $3 LIMIT $5) AS those)
            ON CONFLICT (job, delivery) DO UPDATE
                SET known_attempts = excluded.known_attempts, asked_at = now()
        )
        SELECT own FROM stands"
    );
    let row = session
        .row(
            &sql,
            &[
                (&node, Type::INT8),
                (&Bits(delivery.id.to_bytes()), Type::UUID),
                (&EXTRA, Type::UUID),
                (&i32::from(delivery.attempts), Type::INT4),
                (&MOST, Type::INT8),
            ],
        )
        .await?;
    row.map_or(Ok(false), |row| Ok(!row.try_get::<_, bool>(0)?))
}

async fn ended(
    session: &Session,
    node: i64,
    job: JobId,
    deliveries: &[DeliveryId],
) -> Result<HashSet<DeliveryId>, Failure> {
    let own = own(1);
    // Those past the bound are wished in the job's next pass.
    let sql = format!(
        "WITH others AS (
            SELECT row.id FROM fanfare.open_deliveries AS row
            WHERE row.id = ANY($2) AND row.state = 0 AND NOT {own}
        ), wished AS (
            INSERT INTO fanfare.wishes (job, delivery, known_attempts)
            SELECT $3, id, 0 FROM others WHERE $4 > (
                SELECT count(*) FROM (SELECT FROM fanfare.wishes WHERE job = $3 LIMIT $4) AS those)
            ORDER BY id ON CONFLICT (job, delivery) DO NOTHING
        )
        SELECT id FROM others"
    );
    let ids = bits(deliveries, DeliveryId::to_bytes);
    let rows = session
        .rows(
            &sql,
            &[
                (&node, Type::INT8),
                (&ids, Type::UUID_ARRAY),
                (&Bits(job.to_bytes()), Type::UUID),
                (&MOST, Type::INT8),
            ],
        )
        .await?;
    rows.iter().map(read_id).collect()
}

async fn granted(session: &Session, job: JobId) -> Result<Vec<EndedElsewhere>, Failure> {
    let rows = session
        .rows(
            "SELECT delivery, coalesce((SELECT state = $2 AND reason = $3 FROM fanfare.deliveries
                WHERE id = delivery), false)
            FROM fanfare.wishes WHERE job = $1 AND NOT EXISTS (
                SELECT FROM fanfare.open_deliveries AS row WHERE row.id = delivery AND row.state = 0)
            ORDER BY delivery LIMIT $4",
            &[
                (&Bits(job.to_bytes()), Type::UUID),
                (&small(code::DISCARDED), Type::INT2),
                (
                    &small(code::of_discarded(DiscardedReason::Cancelled)),
                    Type::INT2,
                ),
                (&STEP, Type::INT8),
            ],
        )
        .await?;
    let ended = |row: &tokio_postgres::Row| {
        Ok(EndedElsewhere {
            id: read_id(row)?,
            cancelled: row.try_get(1)?,
        })
    };
    rows.iter().map(ended).collect()
}

/// A job's inside the transaction of the step in which it counts what became of them.
pub(super) async fn forget(
    session: &Session,
    job: Bits,
    deliveries: &[DeliveryId],
) -> Result<(), Failure> {
    let ids = bits(deliveries, DeliveryId::to_bytes);
    session
        .run(
            "DELETE FROM fanfare.wishes WHERE job = $1 AND delivery = ANY($2)",
            &[(&job, Type::UUID), (&ids, Type::UUID_ARRAY)],
        )
        .await
        .map(drop)
}

async fn wished(database: &Database) -> Result<Wished, Failure> {
    let session = database.pool.lease().await?;
    let node = database.places.node;
    let rows = session
        .transaction(|| Box::pin(look(&session, node)))
        .await?;
    let mut known_attempts = Vec::with_capacity(rows.len());
    for row in &rows {
        let (job, known): (Bits, i32) = (row.try_get(20)?, row.try_get(21)?);
        known_attempts.push((job == EXTRA).then_some(known));
    }
    let deliveries = row::read_all(&session, &database.scopes, &rows).await?;
    let mut wished = Wished::default();
    for (mut delivery, known) in deliveries.into_iter().zip(known_attempts) {
        match known {
            Some(known) => {
                delivery.attempts = u16::try_from(known).unwrap_or(u16::MAX);
                wished.extra.push(delivery);
            }
            None => wished.to_end.push(delivery),
        }
    }
    let taken: Vec<_> = wished.extra.iter().map(|delivery| delivery.id).collect();
    if !taken.is_empty() {
        forget(&session, EXTRA, &taken).await?;
    }
    Ok(wished)
}

/// Forgets what nobody wishes any more, and looks for what is wished of a node.
async fn look(session: &Session, node: i64) -> Result<Vec<tokio_postgres::Row>, Failure> {
    let own = own(1);
    let sql = format!(
        "SELECT {COLUMNS}, job, known_attempts
        FROM fanfare.wishes AS wish JOIN fanfare.open_deliveries AS row ON row.id = delivery
        WHERE state = 0 AND {own} AND (job = $2 OR EXISTS (
            SELECT FROM fanfare.jobs AS open WHERE open.id = job AND open.state = 0))
        ORDER BY job, delivery LIMIT $3"
    );
    let params = [
        (&node as _, Type::INT8),
        (&EXTRA as _, Type::UUID),
        (&STEP as _, Type::INT8),
    ];
    let late = session.run(
        "DELETE FROM fanfare.wishes WHERE asked_at < now() - interval '15 seconds'
        AND (job = $1 OR NOT EXISTS (
            SELECT FROM fanfare.jobs AS open WHERE open.id = job AND open.state <= 1))",
        &[(&EXTRA, Type::UUID)],
    );
    let (_, _, rows, _) = try_join!(
        biased;
        // Mostly there are none, which the planner does not know: it would read everything that waits.
        session.batch(
            "BEGIN; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;
            SET LOCAL enable_seqscan = off; SET LOCAL jit = off"
        ),
        late,
        session.rows(&sql, &params),
        session.batch("COMMIT"),
    )?;
    Ok(rows)
}
