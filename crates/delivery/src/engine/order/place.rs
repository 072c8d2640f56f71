//! Placing: what waits gets the turns that its endpoint's ordering wants.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use fanfare_app::port::StoreError;
use fanfare_app::port::deliveries::Placed;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::EndpointId;
use fanfare_domain::name::Scope;
use fanfare_domain::order::{OnFailure, Ordering, Turn};

use crate::engine::Shared;
use crate::engine::lane::Lane;
use crate::engine::refill;

/// Rows of one commit; their events are read for their keys.
const STEP: usize = 64;
/// How long to wait before it is tried again, when the store was not available.
const AGAIN: Duration = Duration::from_secs(1);
/// How often it is looked whether the engine stops, while the lane is to be emptied.
const LOOK: Duration = Duration::from_millis(100);

/// What an endpoint wants; no order where it is gone.
fn wanted(shared: &Shared, endpoint: EndpointId) -> (Ordering, OnFailure) {
    let target = shared.parts.directory.target(endpoint);
    target.map_or_else(Default::default, |target| {
        (target.endpoint.ordering, target.endpoint.on_failure)
    })
}

/// Begins to place what waits for an ordered lane, unless its turns are right or that is under way; answers
/// whether they are right.
pub(in crate::engine) fn if_needed(shared: &Arc<Shared>, lane: &Arc<Lane>) -> bool {
    let wanted = wanted(shared, lane.endpoint);
    if lane.lines(|lines| lines.is_placed_for(wanted)) {
        return true;
    }
    if lane.lines(|lines| lines.begin_placing(wanted)) {
        tokio::spawn(run(Arc::clone(shared), Arc::clone(lane)));
    }
    false
}

/// An endpoint was changed: places what waits for it, if its ordering is another one now.
pub(in crate::engine) fn if_changed(shared: &Arc<Shared>, endpoint: EndpointId) {
    let (ordering, _) = wanted(shared, endpoint);
    let lane = if ordering == Ordering::Unordered {
        let lane = shared.lanes.find(endpoint);
        lane.filter(|lane| lane.is_ordered())
    } else {
        Some(shared.lanes.get(endpoint, &shared.health))
    };
    if let Some(lane) = lane {
        if_needed(shared, &lane);
    }
}

/// A row was written with another turn than its endpoint wants now.
pub(in crate::engine) fn again(shared: &Arc<Shared>, endpoint: EndpointId) {
    let lane = shared.lanes.get(endpoint, &shared.health);
    lane.lines(|lines| lines.doubt_placing());
    if_needed(shared, &lane);
}

async fn run(shared: Arc<Shared>, lane: Arc<Lane>) {
    empty(&shared, &lane).await;
    // It may have been changed meanwhile.
    let wanted = wanted(&shared, lane.endpoint);
    let placed = match place(&shared, lane.endpoint, wanted).await {
        Ok(placed) => placed,
        Err(cause) => {
            tracing::warn!(endpoint = %lane.endpoint, error = %cause, "what waits can't be put in its order yet");
            tokio::time::sleep(AGAIN).await;
            false
        }
    };
    lane.lines(|lines| lines.end_placing(placed.then_some(wanted)));
    let now = shared.parts.clock.now();
    shared.schedule(lane.endpoint, now);
    // For what came into its memory meanwhile.
    shared.timer.set(now, lane.endpoint);
    if shared.stopping() {
        return;
    }
    // Unless there is something left to do in it.
    if placed && wanted.0 == Ordering::Unordered {
        lane.forget_lines();
    }
    // It may have been changed again meanwhile.
    if lane.is_ordered() && if_needed(&shared, &lane) {
        refill::kick(&shared, &lane);
    }
}

/// What is in the lane's memory goes to the store.
async fn empty(shared: &Shared, lane: &Lane) {
    let mut emptied = shared.parked.emptied(lane.endpoint);
    shared.told_parked.notify_one();
    while !shared.stopping() {
        // Once this is done, the other end is gone.
        if tokio::time::timeout(LOOK, &mut emptied).await.is_ok() {
            return;
        }
    }
}

/// Gives what waits the turns that are wanted; answers whether it came to its end. It leaves off where
/// others are wanted meanwhile: rows are written with those already, and these would put them wrong.
async fn place(
    shared: &Shared,
    endpoint: EndpointId,
    for_these: (Ordering, OnFailure),
) -> Result<bool, StoreError> {
    let store = &shared.parts.deliveries;
    let (ordering, on_failure) = for_these;
    loop {
        let rows = store.out_of_turn(endpoint, ordering, STEP).await?;
        if rows.is_empty() {
            break;
        }
        let turns = turns(shared, rows, ordering).await?;
        if wanted(shared, endpoint) != for_these {
            return Ok(false);
        }
        store.place(turns).await?;
    }
    if ordering == Ordering::Unordered || on_failure == OnFailure::Pass {
        while store.lift_holds(endpoint, STEP).await? == STEP {}
    }
    Ok(true)
}

/// The turns that rows get.
async fn turns(
    shared: &Shared,
    rows: Vec<Delivery>,
    ordering: Ordering,
) -> Result<Vec<Placed>, StoreError> {
    let mut by_scope: BTreeMap<Scope, Vec<Delivery>> = BTreeMap::new();
    for row in rows {
        by_scope.entry(row.scope.clone()).or_default().push(row);
    }
    let mut placed = Vec::new();
    for (scope, rows) in by_scope {
        let ids: Vec<_> = rows.iter().map(|row| row.event).collect();
        let positions: HashMap<_, _> = shared
            .parts
            .log
            .positions(&scope, &ids)
            .await?
            .into_iter()
            .collect();
        let events: HashMap<_, _> = if ordering == Ordering::Unordered {
            HashMap::new()
        } else {
            let events = shared.parts.log.events_by_id(&scope, &ids).await?;
            events.into_iter().map(|event| (event.id, event)).collect()
        };
        placed.extend(rows.into_iter().map(|row| {
            let position = positions.get(&row.event).copied().unwrap_or_default();
            let turn = match events.get(&row.event) {
                _ if ordering == Ordering::Unordered => None,
                // One that brings what was missed stands outside, as replays do.
                Some(event) if row.id.place().is_some() => event.turn(position, ordering),
                _ => Some(Turn::outside(position)),
            };
            Placed {
                scope: row.scope,
                id: row.id,
                turn,
            }
        }));
    }
    Ok(placed)
}
