//! Writing events: all of a transaction by one call, or with one statement for each table.

use std::collections::HashMap;

use fanfare_app::port::StoreError;
use fanfare_app::port::log::{Event, Position};
use fanfare_app::stored::event as stored;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::time::Timestamp;
use tokio_postgres::types::Type;

use super::horizon;
use crate::bits::{Bits, Sparse};
use crate::deliveries::row::Rows;
use crate::failure::Failure;
use crate::member::Places;
use crate::session::{Param, Session};

/// An event that goes into the log.
#[derive(Clone, Copy)]
pub(super) struct Accepted<'a> {
    pub(super) event: &'a Event,
    pub(super) scope: i64,
    /// Its deliveries that stand in an order, but for their position.
    pub(super) in_turn: &'a [Delivery],
}

/// Events and what they say, column by column.
pub(super) struct Columns<'a> {
    ids: Vec<Bits>,
    scopes: Vec<i64>,
    created: Vec<i64>,
    deliver: Sparse<i64>,
    expire: Sparse<i64>,
    types: Vec<&'a str>,
    uids: Sparse<&'a str>,
    subcategories: Sparse<&'a str>,
    attributes: Sparse<String>,
    keys: Sparse<&'a str>,
    targets: Vec<Vec<u8>>,
    data_until: Sparse<i64>,
    data: Vec<&'a [u8]>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(accepted: &[Accepted<'a>]) -> Result<Self, Failure> {
        let each = || accepted.iter().map(|accepted| accepted.event);
        let micros = |time: Timestamp| time.micros();
        let attributes = each().map(|event| stored::attributes_to_text(&event.attributes));
        let attributes: Result<_, _> = attributes.collect();
        Ok(Self {
            ids: each().map(|event| Bits(event.id.to_bytes())).collect(),
            scopes: accepted.iter().map(|accepted| accepted.scope).collect(),
            created: each().map(|event| event.created_at.micros()).collect(),
            deliver: each().map(|event| event.deliver_at.map(micros)).collect(),
            expire: each().map(|event| event.expires_at.map(micros)).collect(),
            types: each().map(|event| event.event_type.as_str()).collect(),
            uids: each().map(|event| event.uid.as_deref()).collect(),
            subcategories: each().map(|event| event.subcategory.as_deref()).collect(),
            attributes: attributes.map_err(StoreError::unavailable)?,
            keys: each().map(|event| event.ordering_key.as_deref()).collect(),
            targets: each()
                .map(|event| stored::targets_to_bytes(&event.targets))
                .collect(),
            data_until: each().map(|event| event.data_until.map(micros)).collect(),
            data: each().map(|event| &*event.data).collect(),
        })
    }

    /// Those of `fanfare.events` that every way of writing them gives, in this order: `id`, `scope`,
    /// `created_at`, `deliver_at`, `expires_at`, `event_type`, `subcategory`, `attributes`, `ordering_key`,
    /// `targets`, `data_until`.
    fn shared(&self) -> [Param<'_>; 11] {
        [
            (&self.ids, Type::UUID_ARRAY),
            (&self.scopes, Type::INT8_ARRAY),
            (&self.created, Type::INT8_ARRAY),
            (&self.deliver, Type::INT8_ARRAY),
            (&self.expire, Type::INT8_ARRAY),
            (&self.types, Type::TEXT_ARRAY),
            (&self.subcategories, Type::TEXT_ARRAY),
            (&self.attributes, Type::TEXT_ARRAY),
            (&self.keys, Type::TEXT_ARRAY),
            (&self.targets, Type::BYTEA_ARRAY),
            (&self.data_until, Type::INT8_ARRAY),
        ]
    }
}

/// Appends events without a caller's id or an order in a transaction of its own, which is one statement. Answers
/// their positions, which rise.
pub(super) async fn in_one_call(
    session: &Session,
    node: i64,
    columns: &Columns<'_>,
) -> Result<Vec<Position>, Failure> {
    let mut params: Vec<Param<'_>> = vec![(&node, Type::INT8), (&horizon::MARK, Type::INT8)];
    params.extend(columns.shared());
    params.push((&columns.data, Type::BYTEA_ARRAY));
    let row = session
        .row(
            "SELECT fanfare.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            &params,
        )
        .await?;
    row.map_or(Ok(Vec::new()), |row| Ok(row.try_get(0)?))
}

/// Positions rise in the order of the list. Answers the position of each id.
pub(super) async fn events(
    session: &Session,
    node: i64,
    columns: &Columns<'_>,
) -> Result<HashMap<Bits, Position>, Failure> {
    let mut params = columns.shared().to_vec();
    params.push((&columns.uids, Type::TEXT_ARRAY));
    params.push((&node, Type::INT8));
    // The sequence is asked row by row above the sort.
    let rows = session
        .rows(
            "INSERT INTO fanfare.events (id, position, scope, node, created_at, deliver_at,
                expires_at, event_type, uid, subcategory, attributes, ordering_key, targets,
                data_until)
            SELECT id, nextval('fanfare.positions'), scope, $13, created_at, deliver_at, expires_at,
                event_type, uid, subcategory, attributes, ordering_key, targets, data_until
            FROM (SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[],
                $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bytea[],
                $11::bigint[], $12::text[]) WITH ORDINALITY AS given (id, scope, created_at,
                deliver_at, expires_at, event_type, subcategory, attributes, ordering_key, targets,
                data_until, uid, place)
                ORDER BY place) AS in_order
            RETURNING id, position",
            &params,
        )
        .await?;
    let read = |row: &tokio_postgres::Row| Ok((row.try_get(0)?, row.try_get(1)?));
    rows.iter().map(read).collect()
}

/// The rows of deliveries that stand in an order.
pub(super) async fn in_turn(
    session: &Session,
    places: &Places,
    accepted: &[Accepted<'_>],
    positions: &HashMap<Bits, Position>,
) -> Result<(), Failure> {
    let mut rows = Rows::default();
    for each in accepted {
        let position = positions.get(&Bits(each.event.id.to_bytes()));
        for delivery in each.in_turn {
            let mut delivery = delivery.clone();
            if let (Some(turn), Some(position)) = (&mut delivery.turn, position) {
                turn.position = *position;
            }
            rows.push(&delivery, each.scope, places.of(delivery.endpoint));
        }
    }
    rows.insert_open(session).await
}

/// What the events say.
pub(super) async fn payloads(session: &Session, columns: &Columns<'_>) -> Result<(), Failure> {
    session
        .run(
            "INSERT INTO fanfare.payloads (id, data, data_until)
            SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::bigint[])
            AS given (id, data, data_until) WHERE length(data) > 0",
            &[
                (&columns.ids, Type::UUID_ARRAY),
                (&columns.data, Type::BYTEA_ARRAY),
                (&columns.data_until, Type::INT8_ARRAY),
            ],
        )
        .await
        .map(drop)
}
