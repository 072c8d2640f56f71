//! Batches: which deliveries go together.

use fanfare_domain::batch::InBatch;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::{BatchId, DeliveryId};
use fanfare_domain::name::Scope;
use fanfare_domain::order::Strand;
use tokio_postgres::types::Type;

use super::row::{self, OPEN, own};
use crate::bits::{Bits, bits};
use crate::failure::Failure;
use crate::member::OWNERS;
use crate::scopes::Scopes;
use crate::session::{BEGIN, Session};
use crate::store::Database;

/// Binds those of this node's that wait in a strand and are of no batch, if the first is one of them.
pub(super) async fn bind(
    database: &Database,
    session: &Session,
    scope: &Scope,
    (batch, strand): (BatchId, Option<Strand>),
    members: &[DeliveryId],
) -> Result<Vec<(DeliveryId, InBatch)>, Failure> {
    let Some(scope) = database.scopes.find(session, scope).await? else {
        return Ok(Vec::new());
    };
    session
        .transaction(|| {
            Box::pin(async move {
                session.batch(BEGIN).await?;
                database.places.be_present(session).await?;
                let node = database.places.node;
                let bound = bound(session, (scope, node), (batch, strand), members).await?;
                session.batch("COMMIT").await?;
                Ok(bound)
            })
        })
        .await
}

async fn bound(
    session: &Session,
    (scope, node): (i64, i64),
    (batch, strand): (BatchId, Option<Strand>),
    members: &[DeliveryId],
) -> Result<Vec<(DeliveryId, InBatch)>, Failure> {
    let ids = bits(members, DeliveryId::to_bytes);
    let own = own(3);
    // Always in the same order, so that no two transactions wait for each other.
    let sql = format!(
        "SELECT id FROM fanfare.open_deliveries AS row WHERE id = ANY($1) AND scope = $2 AND {own}
        AND state = 0 AND batch IS NULL AND strand IS NOT DISTINCT FROM $4
        ORDER BY id FOR UPDATE OF row"
    );
    let rows = session
        .rows(
            &sql,
            &[
                (&ids, Type::UUID_ARRAY),
                (&scope, Type::INT8),
                (&node, Type::INT8),
                (&strand.map(Strand::number), Type::INT8),
            ],
        )
        .await?;
    let free: Vec<Bits> = (rows.iter().map(|row| row.try_get(0))).collect::<Result<_, _>>()?;
    if ids.first().is_none_or(|first| !free.contains(first)) {
        return Ok(Vec::new());
    }
    let bound: Vec<_> = (0u16..)
        .zip(members)
        .filter(|(_, id)| free.contains(&Bits(id.to_bytes())))
        .map(|(place, id)| (*id, InBatch::new(batch, place)))
        .collect();
    let (ids, places): (Vec<Bits>, Vec<Bits>) = bound
        .iter()
        .map(|(id, place)| (Bits(id.to_bytes()), Bits(place.to_bytes())))
        .unzip();
    session
        .run(
            "UPDATE fanfare.open_deliveries AS row SET batch = given.batch
            FROM unnest($1::uuid[], $2::uuid[]) AS given (id, batch) WHERE row.id = given.id",
            &[(&ids, Type::UUID_ARRAY), (&places, Type::UUID_ARRAY)],
        )
        .await?;
    Ok(bound)
}

pub(super) async fn members(
    session: &Session,
    scopes: &Scopes,
    node: i64,
    batch: BatchId,
) -> Result<Vec<Delivery>, Failure> {
    let (first, last) = batch.places();
    let own = own(3);
    // The index that begins with the node is looked into twice.
    let which = format!(
        "AS row WHERE state = 0 AND batch IS NOT NULL AND node IN ($3, {OWNERS}) AND {own}
        AND batch BETWEEN $1 AND $2 ORDER BY batch"
    );
    row::collect(
        session,
        scopes,
        OPEN,
        &which,
        &[
            (&Bits(first.to_bytes()), Type::UUID),
            (&Bits(last.to_bytes()), Type::UUID),
            (&node, Type::INT8),
        ],
    )
    .await
}
