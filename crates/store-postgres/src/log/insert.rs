//! Writing events, all of a transaction with one statement for each table.

use std::collections::HashMap;

use fanfare_app::port::StoreError;
use fanfare_app::port::log::{Event, Position};
use fanfare_app::stored::event as stored;
use fanfare_domain::delivery::Delivery;
use tokio_postgres::types::Type;

use crate::bits::Bits;
use crate::deliveries::row::Rows;
use crate::failure::Failure;
use crate::member::Places;
use crate::session::Session;

/// An event that goes into the log.
#[derive(Clone, Copy)]
pub(super) struct Accepted<'a> {
    pub(super) event: &'a Event,
    pub(super) scope: i64,
    /// Its deliveries that stand in an order, but for their position.
    pub(super) in_turn: &'a [Delivery],
}

/// Positions rise in the order of the list. Answers the position of each id.
pub(super) async fn events(
    session: &Session,
    node: i64,
    accepted: &[Accepted<'_>],
) -> Result<HashMap<Bits, Position>, Failure> {
    let each = || accepted.iter().map(|accepted| accepted.event);
    let ids: Vec<Bits> = each().map(|event| Bits(event.id.to_bytes())).collect();
    let scopes: Vec<i64> = accepted.iter().map(|accepted| accepted.scope).collect();
    let created: Vec<i64> = each().map(|event| event.created_at.micros()).collect();
    let deliver: Vec<Option<i64>> = each()
        .map(|event| event.deliver_at.map(|at| at.micros()))
        .collect();
    let expire: Vec<Option<i64>> = each()
        .map(|event| event.expires_at.map(|at| at.micros()))
        .collect();
    let data_until: Vec<Option<i64>> = each()
        .map(|event| event.data_until.map(|at| at.micros()))
        .collect();
    let types: Vec<&str> = each().map(|event| event.event_type.as_str()).collect();
    let uids: Vec<Option<&str>> = each().map(|event| event.uid.as_deref()).collect();
    let subcategories: Vec<Option<&str>> =
        each().map(|event| event.subcategory.as_deref()).collect();
    let attributes: Vec<Option<String>> = each()
        .map(|event| stored::attributes_to_text(&event.attributes))
        .collect::<Result<_, _>>()
        .map_err(StoreError::unavailable)?;
    let keys: Vec<Option<&str>> = each().map(|event| event.ordering_key.as_deref()).collect();
    let targets: Vec<Vec<u8>> = each()
        .map(|event| stored::targets_to_bytes(&event.targets))
        .collect();
    // The sequence is asked row by row above the sort.
    let rows = session
        .rows(
            "INSERT INTO fanfare.events (id, position, scope, node, created_at, deliver_at,
                expires_at, event_type, uid, subcategory, attributes, ordering_key, targets,
                data_until)
            SELECT id, nextval('fanfare.positions'), scope, $12, created_at, deliver_at, expires_at,
                event_type, uid, subcategory, attributes, ordering_key, targets, data_until
            FROM (SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[],
                $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
                $11::bytea[], $13::bigint[]) WITH ORDINALITY AS given (id, scope, created_at,
                deliver_at, expires_at, event_type, uid, subcategory, attributes, ordering_key,
                targets, data_until, place)
                ORDER BY place) AS in_order
            RETURNING id, position",
            &[
                (&ids, Type::UUID_ARRAY),
                (&scopes, Type::INT8_ARRAY),
                (&created, Type::INT8_ARRAY),
                (&deliver, Type::INT8_ARRAY),
                (&expire, Type::INT8_ARRAY),
                (&types, Type::TEXT_ARRAY),
                (&uids, Type::TEXT_ARRAY),
                (&subcategories, Type::TEXT_ARRAY),
                (&attributes, Type::TEXT_ARRAY),
                (&keys, Type::TEXT_ARRAY),
                (&targets, Type::BYTEA_ARRAY),
                (&node, Type::INT8),
                (&data_until, Type::INT8_ARRAY),
            ],
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
pub(super) async fn payloads(session: &Session, accepted: &[Accepted<'_>]) -> Result<(), Failure> {
    let each = || accepted.iter().map(|accepted| accepted.event);
    let ids: Vec<Bits> = each().map(|event| Bits(event.id.to_bytes())).collect();
    let data: Vec<&[u8]> = each().map(|event| &*event.data).collect();
    let until: Vec<Option<i64>> = each()
        .map(|event| event.data_until.map(|at| at.micros()))
        .collect();
    session
        .run(
            "INSERT INTO fanfare.payloads (id, data, data_until)
            SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::bigint[])
            AS given (id, data, data_until) WHERE length(data) > 0",
            &[
                (&ids, Type::UUID_ARRAY),
                (&data, Type::BYTEA_ARRAY),
                (&until, Type::INT8_ARRAY),
            ],
        )
        .await
        .map(drop)
}
