//! Reading strands: a window of each, in order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use fanfare_app::directory::Target;
use fanfare_app::fault::{Fault, planted};
use fanfare_app::port::StoreError;
use fanfare_app::port::log::Position;
use fanfare_domain::delivery::{Delivery, DeliveryState};
use fanfare_domain::order::Strand;
use fanfare_domain::time::Timestamp;

use crate::engine::Shared;
use crate::engine::batch;
use crate::engine::batch::refill::Batches;
use crate::engine::job::{Job, in_line};
use crate::engine::lane::{Lane, Pushed};
use crate::engine::lines::Look;
use crate::engine::refill::{self, Claimed};
use crate::engine::worker;

/// How long to wait before it is read again, where a row was held or may have been discarded meanwhile.
const HELD: Duration = Duration::from_millis(100);
/// How long to wait where commits of others are under way.
const SOON: Duration = Duration::from_millis(10);
/// Strands of one read of the patrol.
const PATROL: usize = 64;
/// The most rows of a window where there may be many strands.
const WINDOW: usize = 8;

/// Reads strands that are to be read, until so many jobs are at hand.
pub(in crate::engine) async fn strands(
    shared: &Arc<Shared>,
    lane: &Arc<Lane>,
    step: usize,
) -> Result<(), StoreError> {
    let open = lane.is_troubled() && shared.health.is_open(lane.endpoint);
    let mut left = if open { 1 } else { step };
    while left > 0 {
        let now = shared.parts.clock.now();
        if let Some(after) = lane.lines_if_any(|lines| lines.patrol(now)).flatten() {
            let store = &shared.parts.deliveries;
            let found = store.strands(lane.endpoint, after, PATROL).await?;
            let more = found.len() == PATROL;
            lane.lines(|lines| lines.patrolled(&found, more, now));
        }
        let Some(look) = lane.lines_if_any(|lines| lines.begin_read(now)).flatten() else {
            return Ok(());
        };
        let read = strand(shared, lane, look, left, open).await;
        let (jobs, again) = match read {
            Ok(read) => read,
            Err(cause) => {
                let later = shared.parts.clock.now().after(Duration::from_secs(1));
                lane.push_line(look.strand, VecDeque::new(), Some(later), 1);
                return Err(cause);
            }
        };
        left = left.saturating_sub(jobs.len());
        let start = shared.start_limit();
        if lane.push_line(look.strand, jobs, again, start) == Pushed::StartWorker {
            worker::start(shared, Arc::clone(lane), None);
        }
    }
    Ok(())
}

/// Up to which position rows of a strand are all there.
fn reach(shared: &Shared, lane: &Lane, strand: Strand) -> (Position, bool) {
    let handed_on = shared.tracker.lock().handed_on();
    if planted(Fault::IgnoreGaps) {
        return (Position::MAX, false);
    }
    match lane.lines(|lines| lines.first_coming(strand)) {
        Some(coming) if coming <= handed_on => (coming - 1, false),
        _ => (handed_on, true),
    }
}

/// What a read of a strand found: the jobs to be sent, and when to read on.
type Read = (VecDeque<Job>, Option<Timestamp>);

async fn strand(
    shared: &Arc<Shared>,
    lane: &Arc<Lane>,
    look: Look,
    left: usize,
    open: bool,
) -> Result<Read, StoreError> {
    let now = shared.parts.clock.now();
    // Before the rows are read. Where nodes share the log, the store knows what may be missing.
    let (reach, by_gap) = match shared.parts.log.keeps_turns() {
        true => (Position::MAX, false),
        false => reach(shared, lane, look.strand),
    };
    let target = shared.parts.directory.target(lane.endpoint);
    let batches = Batches::of(target.as_deref());
    let many = look.strand != Strand::WHOLE;
    let window = if open {
        refill::STEP
    } else if many {
        left.min(WINDOW)
    } else {
        left.min(refill::STEP)
    };
    let window = window.max(batches.most());
    let from = look.from.unwrap_or(Position::MIN);
    let found = shared
        .parts
        .deliveries
        .in_turn(lane.endpoint, look.strand, from, window)
        .await?;
    if found.held_by.is_some() && !planted(Fault::PassHeld) {
        // Whoever lifts it says so.
        return Ok((VecDeque::new(), None));
    }
    if lane.held(|held| held.is_spoiled()) {
        return Ok((VecDeque::new(), Some(now.after(HELD))));
    }
    let full = found.deliveries.len() == window;
    // Those that may be sent now, in order.
    let mut ready = Vec::new();
    let mut overdue = Vec::new();
    let mut again = full.then_some(now);
    for delivery in found.deliveries {
        let DeliveryState::Waiting { due_at } = delivery.state else {
            continue;
        };
        let position = in_line(&delivery).map_or(0, |at| at.position);
        if position > reach {
            // Whatever comes before it says so when it is there.
            again = None;
            if by_gap {
                again = wait_for_gap(shared, lane, look.strand, position, now);
            }
            break;
        }
        if due_at > now {
            again = Some(due_at);
            break;
        }
        let too_long = |target: &Arc<Target>| {
            open && refill::too_long(&target.policy_for(&delivery), &delivery, now)
        };
        if target.as_ref().is_some_and(too_long) && ready.is_empty() {
            if !lane.claim(&delivery) {
                again = Some(now.after(HELD));
                break;
            }
            let holds = target
                .as_ref()
                .is_some_and(|target| target.holds_on_failure());
            overdue.push(delivery);
            if holds {
                break;
            }
            continue;
        }
        if !overdue.is_empty() {
            again = Some(now);
            break;
        }
        ready.push(delivery);
    }
    if found.some_left_out && again.is_none() {
        again = Some(now.after(SOON));
    }
    if !overdue.is_empty() {
        // What follows is read when they are committed.
        refill::end_overdue(shared, overdue, now).await;
        return Ok((VecDeque::new(), None));
    }
    if ready.first().is_some_and(|first| batches.wants(first, now)) {
        return batch(shared, lane, &batches, ready, again, now).await;
    }
    let alone = ready.iter().take_while(|row| !batches.wants(row, now));
    let alone = alone.take(left).count();
    if alone < ready.len() {
        again = Some(now);
        ready.truncate(alone);
    }
    let mut taken = Vec::with_capacity(alone);
    for delivery in ready {
        if !lane.claim(&delivery) {
            again = Some(now.after(HELD));
            break;
        }
        taken.push(delivery);
    }
    let jobs = bring_in(shared, lane, taken).await?;
    Ok((jobs.into(), again))
}

/// Makes one job of the batch that the first of these goes in. `again`: when more is to be read after them.
async fn batch(
    shared: &Arc<Shared>,
    lane: &Arc<Lane>,
    batches: &Batches,
    ready: Vec<Delivery>,
    again: Option<Timestamp>,
    now: Timestamp,
) -> Result<Read, StoreError> {
    let joins = |row: &&Delivery| row.batch.is_none() && batches.wants(row, now);
    let job = match ready.first().and_then(|first| first.batch) {
        Some(place) => batch::again::read(shared, lane, place.batch()).await?,
        None => {
            let joining = ready.iter().take_while(joins).count();
            // One behind them that goes otherwise lets nothing else join.
            let closed = joining < ready.len();
            lane.gathers_only(joining);
            match batches.ready(&ready[..joining], closed, now) {
                Ok(count) => batch::gather::bind(shared, lane, &ready[..count]).await?,
                Err(at) => {
                    let at = again.map_or(at, |again| again.min(at));
                    return Ok((VecDeque::new(), Some(at)));
                }
            }
        }
    };
    match job {
        Some(job) => {
            let whole = job.each().count() >= ready.len();
            let again = if whole { again } else { Some(now) };
            Ok((VecDeque::from([job]), again))
        }
        None => Ok((VecDeque::new(), Some(now.after(HELD)))),
    }
}

/// Lets a strand wait for the positions before one; answers when to read again where they came meanwhile.
fn wait_for_gap(
    shared: &Shared,
    lane: &Lane,
    strand: Strand,
    position: Position,
    now: Timestamp,
) -> Option<Timestamp> {
    lane.lines(|lines| lines.wait_for_gap(strand));
    shared.gap_waiters.add(lane.endpoint);
    let came_meanwhile = shared.tracker.lock().handed_on() >= position;
    if came_meanwhile {
        lane.lines(|lines| lines.end_wait_for_gap(strand));
    }
    came_meanwhile.then_some(now)
}

/// Makes jobs of rows, up to the first whose payload is not kept any more: what follows it waits for its
/// end.
async fn bring_in(
    shared: &Arc<Shared>,
    lane: &Arc<Lane>,
    taken: Vec<Delivery>,
) -> Result<Vec<Job>, StoreError> {
    let release = |from: &[Claimed]| {
        lane.held(|held| {
            for each in from {
                held.release_stored(each.id());
            }
        });
    };
    let claimed = match refill::with_events(shared, &taken).await {
        Ok(claimed) => claimed,
        Err(cause) => {
            lane.held(|held| taken.iter().for_each(|each| held.release_stored(each.id)));
            return Err(cause);
        }
    };
    let mut jobs = Vec::with_capacity(claimed.len());
    let mut rest = claimed.into_iter();
    for each in rest.by_ref() {
        match each {
            Claimed::Job(job) => jobs.push(job),
            Claimed::Gone(delivery) if jobs.is_empty() => {
                refill::end_without_payload(shared, *delivery).await;
                break;
            }
            Claimed::Gone(delivery) => {
                release(&[Claimed::Gone(delivery)]);
                break;
            }
        }
    }
    release(rest.as_slice());
    Ok(jobs)
}
