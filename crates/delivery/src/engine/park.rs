//! Parking: what found no room in memory, or is on its way for longer than a moment, gets a row in
//! the store. And the log is read again where something was left in it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic;
use std::time::Duration;

use fanfare_app::fault::{Fault, planted};
use fanfare_app::port::StoreError;
use fanfare_app::port::deliveries::Settlement;
use fanfare_app::port::log::{Event, Position};
use fanfare_domain::breaker::Passage;
use fanfare_domain::delivery::{Delivery, DeliveryState};
use fanfare_domain::id::EndpointId;
use fanfare_domain::order::{Ordering, Turn};
use fanfare_domain::time::Timestamp;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Shared;
use super::batch;
use super::handover;
use super::intake;
use super::job::in_line;
use super::order;
use super::settle::{commit, save_materialised};
use super::tracker::{Lingering, Places};

/// Rows of one commit.
const STEP: usize = 500;
/// Events read from the log at a time.
const READ: usize = 200;
/// Positions asked for at a time.
const POSITIONS: usize = 10_000;
/// The longest time between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// How long a gap in the log's positions may last before it is read: a commit's answer is on its way
/// to its publisher for a moment.
const GAP: Duration = Duration::from_secs(2);
/// Deliveries that wait to be parked; past it, events stay in the log and are read from there.
const MOST_PARKED: usize = 20_000;

/// Deliveries that found no room in memory, and lanes that are to be emptied.
#[derive(Debug, Default)]
pub(super) struct Parked {
    deliveries: Mutex<Vec<Lingering>>,
    /// With those who wait for that; no more than there are lanes.
    lanes: Mutex<BTreeMap<EndpointId, Vec<oneshot::Sender<()>>>>,
}

impl Parked {
    pub(super) fn add(&self, delivery: Lingering) {
        self.deliveries.lock().push(delivery);
    }

    /// Nothing of this lane may be sent for a while: what it has in memory goes to the store. That is
    /// done here, so that no row is being written for it at the same time.
    pub(super) fn add_lane(&self, endpoint: EndpointId) {
        self.lanes.lock().entry(endpoint).or_default();
    }

    /// The same; answers when it is done.
    pub(super) fn emptied(&self, endpoint: EndpointId) -> oneshot::Receiver<()> {
        let (done, when_done) = oneshot::channel();
        self.lanes.lock().entry(endpoint).or_default().push(done);
        when_done
    }

    pub(super) fn has_room(&self) -> bool {
        self.len() < MOST_PARKED
    }

    fn len(&self) -> usize {
        self.deliveries.lock().len()
    }

    fn take(&self, most: usize) -> Vec<Lingering> {
        let mut list = self.deliveries.lock();
        if planted(Fault::LoseParked) {
            list.pop();
        }
        let count = list.len().min(most);
        list.drain(..count).collect()
    }
}

/// Parks until the engine stops.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut saved: Position = 0;
    let mut gap: Option<(Position, Instant)> = None;
    let mut lingering_at = Instant::now();
    while !shared.stopping() {
        let _ = tokio::time::timeout(LOOK, shared.told_parked.notified()).await;
        empty_lanes(&shared);
        let began = shared.parts.clock.now();
        // No more than there are now: others may come as fast as these go.
        let mut left = shared.parked.len();
        while left > 0 {
            let parked = shared.parked.take(left.min(STEP));
            if parked.is_empty() {
                break;
            }
            left -= parked.len();
            write_rows(&shared, &parked).await;
        }
        if lingering_at.elapsed() >= LOOK {
            lingering_at = Instant::now();
            // Only what came well before the parked ones were counted, so that none which was parked
            // since is taken for being in memory.
            let since = began.before(shared.parts.options.linger);
            write_lingering(&shared, since).await;
            if !shared.budget.has_room() {
                shed(&shared);
            }
            let base = shared.tracker.lock().base();
            let unsynced = shared.unsynced.swap(false, atomic::Ordering::Relaxed);
            if base != saved || unsynced {
                save_materialised(&shared).await;
                saved = base;
            }
        }
        if let Err(cause) = read_log(&shared, &mut gap).await {
            tracing::warn!(error = %cause, "the log can't be read yet for what was left in it");
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn row(shared: &Shared, delivery: &Lingering) -> Option<Delivery> {
    let event = delivery.shipment.event();
    let endpoint = *event.targets.get(usize::from(delivery.place))?;
    if let Some(target) = shared.parts.directory.target(endpoint) {
        return Some(target.first_row(event, delivery.place, delivery.position));
    }
    let mut row = event.first_delivery(delivery.place, endpoint);
    row.wait_no_longer_than_its_end();
    Some(row)
}

/// Gives deliveries that are not in memory their rows, and tells their lanes.
async fn write_rows(shared: &Arc<Shared>, deliveries: &[Lingering]) {
    let settlements: Vec<_> = deliveries
        .iter()
        .filter_map(|each| row(shared, each))
        .map(|delivery| Settlement {
            delivery,
            attempt: None,
        })
        .collect();
    let settlements = Arc::new(settlements);
    commit(shared, &settlements).await;
    finish(shared, deliveries);
    for (each, row) in deliveries.iter().zip(settlements.iter()) {
        came(shared, each.position, &row.delivery);
    }
    let mut due: BTreeMap<EndpointId, (Timestamp, usize)> = BTreeMap::new();
    for Settlement { delivery, .. } in settlements.iter() {
        if let DeliveryState::Waiting { due_at } = delivery.state
            && in_line(delivery).is_none()
        {
            let (first, count) = due.entry(delivery.endpoint).or_insert((due_at, 0));
            *first = due_at.min(*first);
            *count += 1;
        }
    }
    for (endpoint, (at, count)) in due {
        let target = shared.parts.directory.target(endpoint);
        let read_at = target.map_or(at, |target| batch::came(shared, &target, count, at));
        shared.schedule(endpoint, read_at);
    }
}

/// A delivery has its row: its line may go on, where it stands in one.
fn came(shared: &Arc<Shared>, position: Position, row: &Delivery) {
    let target = shared.parts.directory.target(row.endpoint);
    let ordering = target.as_ref().map(|target| target.endpoint.ordering);
    let at = in_line(row);
    let unordered = ordering.is_none_or(|ordering| ordering == Ordering::Unordered);
    if unordered && at.is_none() {
        // Where its ordering was another one, its lane may expect it still.
        order::came(shared, row.endpoint, position, None);
        return;
    }
    let due_at = match row.state {
        DeliveryState::Waiting { due_at } => due_at,
        _ => return,
    };
    let read_at = match &target {
        Some(target) if at.is_some() => batch::came(shared, target, 1, due_at),
        _ => due_at,
    };
    order::came(shared, row.endpoint, position, at.map(|at| (at, read_at)));
    if ordering.is_some_and(|ordering| !ordering.fits(row.turn)) {
        order::place::again(shared, row.endpoint);
    }
}

/// Gives deliveries that are in memory since before `since` their rows.
async fn write_lingering(shared: &Arc<Shared>, since: Timestamp) {
    loop {
        let mut lingering = shared.tracker.lock().lingering(since, STEP);
        if lingering.is_empty() {
            return;
        }
        // Noted first, looked at again after: one that is settled in between is let go by whichever
        // of the two comes later.
        lingering.retain(|each| {
            let Some(row) = row(shared, each) else {
                return false;
            };
            let lane = shared.lanes.get(row.endpoint, &shared.health);
            lane.held(|held| held.note_fresh(row.id));
            let lacks = shared.tracker.lock().lacks_row(each.position, each.place);
            if !lacks {
                lane.held(|held| held.release_fresh(row.id));
            }
            lacks
        });
        let rows = lingering.iter().filter_map(|each| row(shared, each));
        let settlements: Vec<_> = rows
            .map(|mut delivery| {
                // It is sent from memory as it was handed on, in no order.
                delivery.turn = delivery.turn.map(|turn| Turn::outside(turn.position));
                Settlement {
                    delivery,
                    attempt: None,
                }
            })
            .collect();
        commit(shared, &Arc::new(settlements)).await;
        finish(shared, &lingering);
    }
}

/// Makes room: what waits in memory and has a row is read back when its lane gets to it. Without this, a
/// few endpoints that take nothing could keep memory full, and with it everybody else's events in the
/// log.
fn shed(shared: &Arc<Shared>) {
    let now = shared.parts.clock.now();
    for lane in shared.lanes.all() {
        if let Some(at) = lane.shed(now) {
            shared.timer.set(at, lane.endpoint);
        }
    }
}

/// Empties the lanes that may send nothing for a while, or not any more, unless they may again.
fn empty_lanes(shared: &Arc<Shared>) {
    // Whoever waits learns of it as what is taken here is dropped.
    let lanes = std::mem::take(&mut *shared.parked.lanes.lock());
    let now = shared.parts.clock.now();
    for (endpoint, _told) in lanes {
        let others = handover::is_anothers(shared, endpoint);
        let shut = matches!(shared.health.passage(endpoint, now), Passage::Shut(_));
        let lane = shared.lanes.find(endpoint);
        let Some(lane) = lane.filter(|lane| shut || others || lane.is_being_placed()) else {
            continue;
        };
        let mut have_rows = false;
        for emptied in lane.empty(now, others) {
            match emptied {
                Some(delivery) => {
                    order::expect_again(shared, endpoint, &delivery);
                    shared.parked.add(delivery);
                }
                None => have_rows = true,
            }
        }
        if have_rows {
            shared.schedule(endpoint, now);
        }
        // A refill that found no room has nobody to come back for it any more.
        shared.timer.set(now, endpoint);
    }
}

fn finish(shared: &Shared, deliveries: &[Lingering]) {
    let mut tracker = shared.tracker.lock();
    for each in deliveries {
        tracker.finish(each.position, each.place);
    }
}

/// Reads from the log what was left in it, or never handed on, as far as there is room.
async fn read_log(
    shared: &Arc<Shared>,
    gap: &mut Option<(Position, Instant)>,
) -> Result<(), StoreError> {
    if planted(Fault::ForgetLog) {
        return Ok(());
    }
    look_into_gaps(shared, gap).await?;
    loop {
        let (first, last) = {
            let tracker = shared.tracker.lock();
            let Some(first) = tracker.first_unplaced() else {
                return Ok(());
            };
            (first, tracker.last())
        };
        if !shared.has_room() {
            shared.budget.want_room();
            return Ok(());
        }
        let events = shared.parts.log.read_after(first - 1, READ).await?;
        let mut next = first;
        for (position, event) in events {
            if !shared.has_room() {
                shared.budget.want_room();
                return Ok(());
            }
            shared.tracker.lock().skip(next..position);
            order::gap_moved(shared);
            next = position + 1;
            let places = {
                let tracker = shared.tracker.lock();
                if !tracker.is_unplaced(position) {
                    continue;
                }
                tracker.left_places(position)
            };
            let places = match places {
                Some(places) => places,
                None => without_rows(shared, &event).await?,
            };
            let targets: Vec<_> = event
                .targets
                .iter()
                .map(|id| shared.parts.directory.target(*id))
                .collect();
            intake::place(shared, event, position, &targets, places);
        }
        if next == first {
            // Nothing there at all: what was left there is gone.
            shared.tracker.lock().skip(first..last + 1);
            order::gap_moved(shared);
        }
    }
}

/// The places of an event that was never handed on whose deliveries have no row.
async fn without_rows(shared: &Shared, event: &Event) -> Result<Places, StoreError> {
    let mut places = Places::first(event.targets.len());
    if shared.parts.log.keeps_turns() {
        let ids: Vec<_> = event.deliveries().map(|(id, _)| id).collect();
        let store = &shared.parts.deliveries;
        let rows = store.existing(&event.scope, &ids).await?;
        for (place, id) in (0u16..).zip(&ids) {
            if rows.contains(id) {
                places.remove(place);
            }
        }
    }
    Ok(places)
}

/// Asks the log what stands in a gap that has lasted for a while.
async fn look_into_gaps(
    shared: &Arc<Shared>,
    gap: &mut Option<(Position, Instant)>,
) -> Result<(), StoreError> {
    loop {
        let Some((after, last)) = shared.tracker.lock().gap() else {
            *gap = None;
            return Ok(());
        };
        // What came while the gap lasted is younger, and may be on its way still.
        let (to, since) = *gap.get_or_insert((last, Instant::now()));
        if since.elapsed() < GAP {
            return Ok(());
        }
        if to <= after {
            *gap = None;
            continue;
        }
        let present = shared.parts.log.positions_after(after, POSITIONS).await?;
        let known_to = match present.last() {
            Some(last) if present.len() == POSITIONS => *last,
            _ => last,
        };
        shared
            .tracker
            .lock()
            .fill(after, &present, known_to.min(to));
        order::gap_moved(shared);
    }
}
