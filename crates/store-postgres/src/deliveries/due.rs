//! What waits.

use fanfare_app::port::deliveries::{Due, WaitingLane};
use fanfare_domain::delivery::{Delivery, DeliveryState};
use fanfare_domain::id::EndpointId;
use fanfare_domain::time::Timestamp;
use tokio_postgres::types::Type;

use super::row::{self, OPEN};
use crate::bits::{Bits, limit};
use crate::failure::Failure;
use crate::member::OWNERS;
use crate::scopes::Scopes;
use crate::session::Session;

fn due_at(delivery: &Delivery) -> Timestamp {
    match delivery.state {
        DeliveryState::Waiting { due_at } => due_at,
        DeliveryState::Delivered { at }
        | DeliveryState::Failed { at, .. }
        | DeliveryState::Discarded { at, .. } => at,
    }
}

pub(super) async fn due(
    session: &Session,
    scopes: &Scopes,
    node: i64,
    endpoint: EndpointId,
    now: Timestamp,
    count: usize,
) -> Result<Due, Failure> {
    // One more, which says when the next is due, whether that is now or later.
    let mut deliveries = row::collect(
        session,
        scopes,
        OPEN,
        "WHERE state = 0 AND strand IS NULL AND node = $3 AND endpoint = $1
        ORDER BY at, id LIMIT $2",
        &[
            (&Bits(endpoint.to_bytes()), Type::UUID),
            (&limit(count.saturating_add(1)), Type::INT8),
            (&node, Type::INT8),
        ],
    )
    .await?;
    let due = deliveries.iter().take_while(|row| due_at(row) <= now);
    let left_out = due.count().min(count);
    let next = deliveries.get(left_out).map(due_at);
    deliveries.truncate(left_out);
    Ok(Due { deliveries, next })
}

pub(super) async fn expired(
    session: &Session,
    scopes: &Scopes,
    node: i64,
    now: Timestamp,
    count: usize,
) -> Result<Vec<Delivery>, Failure> {
    row::collect(
        session,
        scopes,
        OPEN,
        "WHERE state = 0 AND expires_at IS NOT NULL AND expires_at <= $1 AND node = ANY($3)
        ORDER BY expires_at, id LIMIT $2",
        &[
            (&now.micros(), Type::INT8),
            (&limit(count), Type::INT8),
            (&[node, OWNERS].as_slice(), Type::INT8_ARRAY),
        ],
    )
    .await
}

/// One seek for each endpoint and index, however many of its deliveries wait.
pub(super) async fn lanes(
    session: &Session,
    node: i64,
    after: Option<EndpointId>,
    count: usize,
) -> Result<Vec<WaitingLane>, Failure> {
    // Nobody's id is zero.
    let after = Bits(after.map_or([0; 16], EndpointId::to_bytes));
    let next = |after: &str| {
        format!(
            "least((SELECT row.endpoint FROM {OPEN} AS row WHERE row.state = 0
                AND row.strand IS NULL AND row.node = $3 AND row.endpoint > {after} ORDER BY row.endpoint LIMIT 1),
            (SELECT row.endpoint FROM {OPEN} AS row WHERE row.state = 0
                AND row.strand IS NOT NULL AND row.node = $3 AND row.endpoint > {after} ORDER BY row.endpoint LIMIT 1))"
        )
    };
    let sql = format!(
        "WITH RECURSIVE lanes (endpoint, place) AS (
            SELECT {}, 1::bigint
            UNION ALL
            SELECT {}, lanes.place + 1 FROM lanes
            WHERE lanes.endpoint IS NOT NULL AND lanes.place < $2
        )
        SELECT lanes.endpoint,
            (SELECT row.at FROM {OPEN} AS row WHERE row.state = 0 AND row.strand IS NULL
                AND row.node = $3 AND row.endpoint = lanes.endpoint ORDER BY row.at LIMIT 1),
            (SELECT row.at FROM {OPEN} AS row WHERE row.state = 0 AND row.strand IS NOT NULL
                AND row.node = $3 AND row.endpoint = lanes.endpoint ORDER BY row.strand, row.position LIMIT 1)
        FROM lanes WHERE lanes.endpoint IS NOT NULL ORDER BY lanes.place LIMIT $2",
        next("$1"),
        next("lanes.endpoint")
    );
    let rows = session
        .rows(
            &sql,
            &[
                (&after, Type::UUID),
                (&limit(count), Type::INT8),
                (&node, Type::INT8),
            ],
        )
        .await?;
    let mut lanes = Vec::with_capacity(rows.len());
    for row in rows {
        let endpoint: Bits = row.try_get(0)?;
        let (timed, turned): (Option<i64>, Option<i64>) = (row.try_get(1)?, row.try_get(2)?);
        if let Some(at) = timed.or(turned) {
            lanes.push(WaitingLane {
                endpoint: EndpointId::from_bytes(endpoint.0),
                next: Timestamp::from_micros(at),
                in_turn: turned.is_some(),
            });
        }
    }
    Ok(lanes)
}
