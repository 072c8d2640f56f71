//! Order: deliveries by their turn, and what holds a strand.

use fanfare_app::port::deliveries::{InTurn, Placed};
use fanfare_app::port::log::Position;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::{DeliveryId, EndpointId, EventId};
use fanfare_domain::name::Scope;
use fanfare_domain::order::{Ordering, Strand};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::row::{self, OPEN, read_id};
use super::settle::days_of;
use crate::bits::{Bits, bits, limit};
use crate::failure::Failure;
use crate::log::horizon;
use crate::member::OWNERS;
use crate::scopes::Scopes;
use crate::session::Session;
use crate::store::Database;

pub(super) async fn in_turn(
    session: &Session,
    scopes: &Scopes,
    node: i64,
    endpoint: EndpointId,
    strand: Strand,
    from: Position,
    count: usize,
) -> Result<InTurn, Failure> {
    let endpoint = Bits(endpoint.to_bytes());
    // Before the rows are read: behind that, one may come that others accept just now.
    let (horizon, last) = match node {
        OWNERS => horizon::look(session).await?,
        _ => (Position::MAX, Position::MAX),
    };
    // Before the others: a hold that comes in between is one that the engine made itself.
    let held_by = session
        .row(
            "SELECT id FROM fanfare.open_deliveries
            WHERE holds AND endpoint = $1 AND strand = $2 LIMIT 1",
            &[(&endpoint, Type::UUID), (&strand.number(), Type::INT8)],
        )
        .await?;
    let deliveries = row::collect(
        session,
        scopes,
        OPEN,
        "WHERE state = 0 AND strand IS NOT NULL AND node = $5 AND endpoint = $1 AND strand = $2
        AND position >= $3 AND position <= $6 ORDER BY position LIMIT $4",
        &[
            (&endpoint, Type::UUID),
            (&strand.number(), Type::INT8),
            (&from, Type::INT8),
            (&limit(count), Type::INT8),
            (&node, Type::INT8),
            (&horizon, Type::INT8),
        ],
    )
    .await?;
    Ok(InTurn {
        some_left_out: horizon < last && deliveries.len() < count,
        deliveries,
        held_by: held_by.map(|row| read_id(&row)).transpose()?,
    })
}

/// One seek for each strand and index, however many deliveries it has.
pub(super) async fn strands(
    session: &Session,
    node: i64,
    endpoint: EndpointId,
    after: Option<Strand>,
    count: usize,
) -> Result<Vec<Strand>, Failure> {
    let from = match after {
        None => i64::MIN,
        Some(strand) => match strand.number().checked_add(1) {
            Some(from) => from,
            None => return Ok(Vec::new()),
        },
    };
    let next = |than: &str| {
        format!(
            "least((SELECT row.strand FROM {OPEN} AS row WHERE row.state = 0
                AND row.strand IS NOT NULL AND row.node = $4 AND row.endpoint = $1
                AND row.strand {than}
                ORDER BY row.strand LIMIT 1),
            (SELECT row.strand FROM {OPEN} AS row WHERE row.holds AND row.endpoint = $1
                AND row.strand {than} ORDER BY row.strand LIMIT 1))"
        )
    };
    let sql = format!(
        "WITH RECURSIVE strands (strand, place) AS (
            SELECT {}, 1::bigint
            UNION ALL
            SELECT {}, strands.place + 1 FROM strands
            WHERE strands.strand IS NOT NULL AND strands.place < $3
        )
        SELECT strand FROM strands WHERE strand IS NOT NULL ORDER BY place LIMIT $3",
        next(">= $2"),
        next("> strands.strand")
    );
    let rows = session
        .rows(
            &sql,
            &[
                (&Bits(endpoint.to_bytes()), Type::UUID),
                (&from, Type::INT8),
                (&limit(count), Type::INT8),
                (&node, Type::INT8),
            ],
        )
        .await?;
    let read = |row: &Row| Ok(Strand::from_number(row.try_get(0)?));
    rows.iter().map(read).collect()
}

pub(super) async fn out_of_turn(
    session: &Session,
    scopes: &Scopes,
    node: i64,
    endpoint: EndpointId,
    ordering: Ordering,
    count: usize,
) -> Result<Vec<Delivery>, Failure> {
    let with_strand = |which: &str| {
        format!(
            "WHERE state = 0 AND strand IS NOT NULL AND node = $3 AND endpoint = $1 AND {which}
            ORDER BY strand, position LIMIT $2"
        )
    };
    let without_strand = |which: &str| {
        format!(
            "WHERE state = 0 AND strand IS NULL AND node = $3 AND endpoint = $1
            AND replay_of IS NULL AND {which}
            ORDER BY at, id LIMIT $2"
        )
    };
    let wrong = match ordering {
        Ordering::Unordered => vec![with_strand("TRUE")],
        Ordering::ByKey => vec![
            with_strand("strand = 0"),
            without_strand("position IS NULL"),
        ],
        Ordering::Strict => vec![
            with_strand("strand < 0"),
            with_strand("strand > 0"),
            without_strand("position IS NULL"),
        ],
    };
    let mut found = Vec::new();
    for rest in wrong {
        let left = limit(count - found.len());
        let params = [
            (&Bits(endpoint.to_bytes()) as _, Type::UUID),
            (&left as _, Type::INT8),
            (&node as _, Type::INT8),
        ];
        found.extend(row::collect(session, scopes, OPEN, &rest, &params).await?);
    }
    Ok(found)
}

pub(super) async fn place(
    database: &Database,
    session: &Session,
    placed: &[Placed],
) -> Result<(), Failure> {
    let (scopes, places) = (&database.scopes, &database.places);
    // What has a turn waits in the name of the endpoint's owner.
    let whose = match places.member() {
        Some(_) => OWNERS,
        None => places.node,
    };
    let numbers = scopes
        .number(session, placed.iter().map(|each| &each.scope))
        .await?;
    let ids: Vec<Bits> = placed.iter().map(|each| Bits(each.id.to_bytes())).collect();
    let owners: Vec<i64> = placed.iter().map(|each| numbers.of(&each.scope)).collect();
    let turns = || placed.iter().map(|each| each.turn);
    let positions: Vec<Option<i64>> = turns().map(|turn| turn.map(|turn| turn.position)).collect();
    let strands: Vec<Option<i64>> = turns()
        .map(|turn| turn.and_then(|turn| turn.strand).map(Strand::number))
        .collect();
    session
        .run(
            "UPDATE fanfare.open_deliveries AS row
            SET position = given.position,
                strand = CASE WHEN row.batch IS NULL THEN given.strand END,
                node = CASE WHEN row.node = $5 AND given.position IS NOT NULL THEN $6 ELSE row.node END
            FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[])
                AS given (id, scope, position, strand)
            WHERE row.id = given.id AND row.scope = given.scope AND row.state = 0",
            &[
                (&ids, Type::UUID_ARRAY),
                (&owners, Type::INT8_ARRAY),
                (&positions, Type::INT8_ARRAY),
                (&strands, Type::INT8_ARRAY),
                (&places.node, Type::INT8),
                (&whose, Type::INT8),
            ],
        )
        .await
        .map(drop)
}

pub(super) async fn holding(
    session: &Session,
    scopes: &Scopes,
    endpoints: &[EndpointId],
    most: usize,
) -> Result<Vec<Delivery>, Failure> {
    let endpoints = bits(endpoints, EndpointId::to_bytes);
    let sql = format!(
        "SELECT found.* FROM unnest($1::uuid[]) AS asked (endpoint) CROSS JOIN LATERAL (
            SELECT {} FROM {OPEN} AS row WHERE row.holds AND row.endpoint = asked.endpoint
            ORDER BY row.strand LIMIT $2) AS found",
        row::COLUMNS
    );
    let rows = session
        .rows(
            &sql,
            &[(&endpoints, Type::UUID_ARRAY), (&limit(most), Type::INT8)],
        )
        .await?;
    row::read_all(session, scopes, &rows).await
}

pub(super) async fn lift_hold(
    database: &Database,
    session: &Session,
    scope: &Scope,
    id: DeliveryId,
) -> Result<usize, Failure> {
    let Some(number) = database.scopes.find(session, scope).await? else {
        return Ok(0);
    };
    database.partitions.ensure(days_of(&[id], None)).await?;
    row::lift(
        session,
        "WHERE row.holds AND row.scope = $1 AND row.id = $2",
        &[(&number, Type::INT8), (&Bits(id.to_bytes()), Type::UUID)],
    )
    .await
}

pub(super) async fn lift_holds(
    database: &Database,
    session: &Session,
    endpoint: EndpointId,
    count: usize,
) -> Result<usize, Failure> {
    let rows = session
        .rows(
            "SELECT id FROM fanfare.open_deliveries WHERE holds AND endpoint = $1 LIMIT $2",
            &[
                (&Bits(endpoint.to_bytes()), Type::UUID),
                (&limit(count), Type::INT8),
            ],
        )
        .await?;
    let ids: Vec<DeliveryId> = rows.iter().map(read_id).collect::<Result<_, _>>()?;
    database.partitions.ensure(days_of(&ids, None)).await?;
    let ids = bits(&ids, DeliveryId::to_bytes);
    row::lift(
        session,
        "WHERE row.holds AND row.id = ANY($1)",
        &[(&ids, Type::UUID_ARRAY)],
    )
    .await
}

/// Replays were delivered: the events' own deliveries to those endpoints hold nothing any more.
pub(super) async fn replayed(
    session: &Session,
    replayed: &[(EventId, EndpointId)],
) -> Result<(), Failure> {
    if replayed.is_empty() {
        return Ok(());
    }
    let (events, endpoints): (Vec<Bits>, Vec<Bits>) = replayed
        .iter()
        .map(|(event, endpoint)| (Bits(event.to_bytes()), Bits(endpoint.to_bytes())))
        .unzip();
    row::lift(
        session,
        "USING unnest($1::uuid[], $2::uuid[]) AS replayed (event, endpoint)
        WHERE row.holds AND row.endpoint = replayed.endpoint AND row.event IS NULL
        AND fanfare.event_of(row.id) = replayed.event",
        &[(&events, Type::UUID_ARRAY), (&endpoints, Type::UUID_ARRAY)],
    )
    .await
    .map(drop)
}
