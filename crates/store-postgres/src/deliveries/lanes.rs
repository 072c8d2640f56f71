//! Endpoints for which something waits that this node attempts.

use std::collections::BTreeMap;

use fanfare_app::port::deliveries::WaitingLane;
use fanfare_domain::id::EndpointId;

use super::due;
use crate::failure::Failure;
use crate::handover::move_rows;
use crate::member::OWNERS;
use crate::session::Session;
use crate::store::Database;

/// By id, after one. Where an endpoint has begun or ceased to be one that one node serves at a time, what
/// waits for it changes its name here.
pub(super) async fn page(
    database: &Database,
    after: Option<EndpointId>,
    count: usize,
) -> Result<Vec<WaitingLane>, Failure> {
    let session = database.pool.lease().await?;
    let places = &database.places;
    let mut own = due::lanes(&session, places.node, after, count).await?;
    let Some(member) = places.member() else {
        return Ok(own);
    };
    for lane in &own {
        let endpoint = lane.endpoint;
        if !places.has_an_owner(endpoint) {
            continue;
        }
        if places.owns(endpoint) {
            move_rows(&session, endpoint, places.node, OWNERS).await?;
        } else {
            // Once nothing of it is in memory.
            member.owners().leave(endpoint);
        }
    }
    // Past this one, neither list is known.
    let mut end = own.last().filter(|_| own.len() == count).map(of);
    own.retain(|lane| places.reads(lane.endpoint).is_some());
    let (owned, owned_end) = owned(database, &session, after, count).await?;
    end = [end, owned_end].into_iter().flatten().min();
    let mut all: BTreeMap<EndpointId, WaitingLane> = BTreeMap::new();
    for lane in own.into_iter().chain(owned) {
        if end.is_some_and(|end| lane.endpoint > end) {
            continue;
        }
        all.entry(lane.endpoint)
            .and_modify(|known| {
                known.next = known.next.min(lane.next);
                known.in_turn |= lane.in_turn;
            })
            .or_insert(lane);
    }
    Ok(all.into_values().take(count).collect())
}

fn of(lane: &WaitingLane) -> EndpointId {
    lane.endpoint
}

/// Those of this node's own endpoints, of those that one node serves at a time, and the last endpoint that was
/// looked at, where there may be more. Others that should be this node's are asked for.
pub(crate) async fn owned(
    database: &Database,
    session: &Session,
    after: Option<EndpointId>,
    count: usize,
) -> Result<(Vec<WaitingLane>, Option<EndpointId>), Failure> {
    let places = &database.places;
    let Some(member) = places.member() else {
        return Ok((Vec::new(), None));
    };
    let mut found = Vec::new();
    let mut after = after;
    loop {
        let lanes = due::lanes(session, OWNERS, after, count).await?;
        let last = lanes.last().map(of);
        let more = lanes.len() == count;
        for lane in lanes {
            let endpoint = lane.endpoint;
            if !places.owns(endpoint) {
                member.want(endpoint);
                continue;
            }
            if !places.has_an_owner(endpoint) {
                move_rows(session, endpoint, OWNERS, places.node).await?;
            }
            found.push(lane);
        }
        match last {
            Some(last) if more && found.len() < count => after = Some(last),
            Some(last) if more => return Ok((found, Some(last))),
            _ => return Ok((found, None)),
        }
    }
}
