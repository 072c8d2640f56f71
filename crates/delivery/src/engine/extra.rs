//! Attempts besides the schedule, which somebody asked for.

use std::sync::Arc;
use std::time::Duration;

use fanfare_app::fault::{Fault, planted};
use fanfare_app::port::StoreError;
use fanfare_app::port::log::{Event, EventRef, Position};
use fanfare_domain::delivery::Delivery;

use super::Shared;
use super::handover;
use super::job::{Job, Origin, Shipment, in_line};
use super::lane::{Lane, Pushed};
use super::lines::InLine;
use super::worker;

/// How many wishes that can't be granted at once are kept; one past them is tried once.
pub(super) const MOST_KEPT: usize = 1_024;
/// How often such a wish is tried, so that it is given up after some 13 seconds.
const TRIES: u32 = 12;
/// The first wait between two tries; each is twice the one before.
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// The longest.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Whether an attempt besides the schedule was made, or why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extra {
    /// It was, or is needless, or can't be.
    Settled,
    /// Not in this moment.
    NotNow,
}

/// Makes an attempt besides the schedule, unless one is made or about to be: the delivery is in memory.
///
/// It may be there for a moment only, while its row is written or because its lane is about to be emptied
/// by a breaker, and what stands before it in an order may still be on its way to the store. So the wish is
/// kept for some seconds.
pub(super) async fn make(shared: &Arc<Shared>, asked: Delivery) -> Result<(), StoreError> {
    if planted(Fault::LoseExtraAttempt) {
        return Ok(());
    }
    if try_extra(shared, &asked).await? == Extra::Settled {
        return Ok(());
    }
    let Ok(_kept) = shared.wishes.try_acquire() else {
        return Ok(());
    };
    let mut wait = FIRST_WAIT;
    for _ in 1..TRIES {
        tokio::time::sleep(wait).await;
        if shared.stopping() || try_extra(shared, &asked).await? == Extra::Settled {
            break;
        }
        wait = LONGEST_WAIT.min(wait * 2);
    }
    Ok(())
}

async fn try_extra(shared: &Arc<Shared>, asked: &Delivery) -> Result<Extra, StoreError> {
    if handover::is_anothers(shared, asked.endpoint) {
        return Ok(Extra::Settled);
    }
    let lane = shared.lanes.get(asked.endpoint, &shared.health);
    // Noted before the row is read, so that it can't be settled in between.
    if !lane.held(|held| held.ask(asked.id)) {
        // Behind a breaker, what is queued may stay so for long.
        if !lane.is_troubled() {
            return Ok(Extra::NotNow);
        }
        let Some(pushed) = lane.hasten(asked.id, shared.start_limit()) else {
            return Ok(Extra::NotNow);
        };
        if pushed == Pushed::StartWorker {
            worker::start(shared, lane, None);
        }
        return Ok(Extra::Settled);
    }
    let read = read_for_extra(shared, asked).await;
    let Ok(Some((delivery, event))) = read else {
        lane.held(|held| held.refuse(asked.id));
        return read.map(|_| Extra::Settled);
    };
    if let Some(at) = in_line(&delivery) {
        let may = may_go_first(shared, &lane, &delivery, at).await;
        if !matches!(may, Ok(None)) {
            lane.held(|held| held.refuse(asked.id));
            return may.map(|why| why.unwrap_or(Extra::NotNow));
        }
    }
    if !lane.held(|held| held.grant(asked.id)) {
        if let Some(at) = in_line(&delivery) {
            lane.lines(|lines| lines.let_go(at, shared.parts.clock.now()));
        }
        // A refill may have passed it over meanwhile.
        shared.schedule(asked.endpoint, shared.parts.clock.now());
        // Whoever wishes it may know of the very attempt whose end was being settled while the row was read.
        return Ok(Extra::NotNow);
    }
    let shipment = Shipment::new(event, &shared.budget);
    let job = Job {
        shipment,
        origin: Origin::Stored(Box::new(delivery)),
        extra: true,
        batch: None,
    };
    if lane.push_first(job, shared.start_limit()) == Pushed::StartWorker {
        worker::start(shared, lane, None);
    }
    Ok(Extra::Settled)
}

/// Why a delivery may not go although it stands in a line; none where it is the first, and the line stands
/// still for it then.
async fn may_go_first(
    shared: &Shared,
    lane: &Lane,
    delivery: &Delivery,
    at: InLine,
) -> Result<Option<Extra>, StoreError> {
    let store = &shared.parts.deliveries;
    let line = store.in_turn(delivery.endpoint, at.strand, Position::MIN, 1);
    let line = line.await?;
    let first = line.deliveries.first().map(|first| first.id);
    if line.held_by.is_some() || first != Some(delivery.id) {
        return Ok(Some(Extra::Settled));
    }
    // Where nodes share the log, the line was read as far as all is there.
    let all_there =
        shared.parts.log.keeps_turns() || shared.tracker.lock().handed_on() >= at.position;
    let goes = all_there && lane.lines(|lines| lines.begin_extra(at));
    Ok((!goes).then_some(Extra::NotNow))
}

/// A delivery that waits, with its event; none where no extra attempt can be made.
async fn read_for_extra(
    shared: &Shared,
    asked: &Delivery,
) -> Result<Option<(Delivery, Arc<Event>)>, StoreError> {
    let parts = &shared.parts;
    // Without a row it is on its way for the first moment, and an attempt is under way.
    let row = parts.deliveries.delivery(&asked.scope, asked.id).await?;
    // An attempt that was made meanwhile is as good.
    let Some(delivery) = row.filter(|row| !row.state.ended() && row.attempts <= asked.attempts)
    else {
        return Ok(None);
    };
    let event = EventRef::Id(delivery.event);
    let event = parts.log.event(&delivery.scope, &event).await?;
    Ok(event
        .filter(|event| !event.payload_gone())
        .map(|event| (delivery, event)))
}
