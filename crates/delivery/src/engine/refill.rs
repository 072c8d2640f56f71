//! Refilling: a lane with room reads from the store what is due for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use fanfare_app::directory::Target;
use fanfare_app::port::StoreError;
use fanfare_app::port::deliveries::Settlement;
use fanfare_domain::breaker::Passage;
use fanfare_domain::delivery::{Delivery, DeliveryState, DiscardedReason, FailedReason};
use fanfare_domain::id::DeliveryId;
use fanfare_domain::policy::DeliveryPolicy;
use fanfare_domain::time::Timestamp;

use super::Shared;
use super::batch::refill::Batches;
use super::held::Held;
use super::job::{Job, Origin, Shipment};
use super::lane::{Lane, Pushed, Refill};
use super::order;
use super::settle::Outcome;
use super::worker;

/// The most deliveries that one read brings in. Payloads are at most 256 KiB unless told, so that the reads
/// under way hold at most some 64 MiB.
pub(super) const STEP: usize = 64;

/// How long to wait before it is read again, when a discard was under way meanwhile.
const SPOILED: Duration = Duration::from_millis(100);

/// Starts a refill, if the lane has room and something is due for it.
pub(super) fn kick(shared: &Arc<Shared>, lane: &Arc<Lane>) {
    let now = shared.parts.clock.now();
    if shared.stopping() {
        return;
    }
    if lane.is_troubled() {
        match shared.health.passage(lane.endpoint, now) {
            Passage::Free => {}
            // The probe is at hand; its worker comes back.
            Passage::Probe if lane.has_queued() => return,
            Passage::Probe => {}
            Passage::Shut(Some(until)) => return shared.timer.set(until, lane.endpoint),
            Passage::Shut(None) => return,
        }
    }
    if lane.is_ordered() && !order::place::if_needed(shared, lane) && lane.store_due().is_none() {
        return;
    }
    // While memory is short, a lane reads only when it has nothing left, and may send what it reads.
    let room = if shared.budget.has_room() {
        shared.parts.options.lane_queue
    } else if let Some(at) = lane.paced_until(now) {
        return shared.timer.set(at, lane.endpoint);
    } else {
        0
    };
    // Not yet due: the timer comes back to it. No room: the worker that makes some does.
    let Some(wanted) = lane.begin_refill(now, room) else {
        return;
    };
    let (shared, lane) = (Arc::clone(shared), Arc::clone(lane));
    tokio::spawn(async move {
        let read = async {
            let mut left = wanted.step.min(STEP);
            if wanted.due {
                // A line goes on, however much stands in none.
                left = left
                    .saturating_sub(refill(&shared, &lane, wanted).await?)
                    .max(1);
            }
            if lane.is_ordered() {
                let Ok(_turn) = shared.refills.acquire().await else {
                    return Ok(());
                };
                order::read::strands(&shared, &lane, left).await?;
            }
            Ok::<_, StoreError>(())
        };
        if let Err(cause) = read.await {
            tracing::warn!(endpoint = %lane.endpoint, error = %cause, "due deliveries can't be read yet");
            let later = shared.parts.clock.now().after(Duration::from_secs(1));
            shared.schedule(lane.endpoint, later);
        }
        lane.held(Held::end_refill);
        match lane.next_read() {
            Some(at) if at > shared.parts.clock.now() => shared.timer.set(at, lane.endpoint),
            Some(_) => kick(&shared, &lane),
            None => {}
        }
    });
}

/// Brings in what is due in no order; answers how many jobs that were, about.
async fn refill(
    shared: &Arc<Shared>,
    lane: &Arc<Lane>,
    wanted: Refill,
) -> Result<usize, StoreError> {
    // Never closed.
    let Ok(_turn) = shared.refills.acquire().await else {
        return Ok(0);
    };
    let now = shared.parts.clock.now();
    // While the breaker is open, one delivery is wanted as a probe; but what has waited too long is looked
    // for among many.
    let open = lane.is_troubled() && shared.health.is_open(lane.endpoint);
    let step = if open { STEP } else { wanted.step.min(STEP) };
    let target = shared.parts.directory.target(lane.endpoint);
    let mut batches = Batches::of(target.as_deref());
    let limit = step.max(batches.most()) + wanted.rowed;
    let due = shared
        .parts
        .deliveries
        .due(lane.endpoint, now, limit)
        .await?;
    let read = due.deliveries.len();
    if lane.held(|held| held.is_spoiled()) {
        // What was read may have been discarded meanwhile.
        shared.schedule(lane.endpoint, now.after(SPOILED));
        return Ok(0);
    }
    if let Some(target) = &target {
        let ordering = target.endpoint.ordering;
        // Rows of what another node left behind in the log are written without turns.
        let fits = |row: &Delivery| row.replay_of.is_some() || ordering.fits(row.turn);
        if !due.deliveries.iter().all(fits) {
            order::place::again(shared, lane.endpoint);
            shared.schedule(lane.endpoint, now.after(SPOILED));
            return Ok(0);
        }
    }
    let waited_too_long = |delivery: &Delivery| {
        let out = |target: &Target| too_long(&target.policy_for(delivery), delivery, now);
        open && target.as_deref().is_some_and(out)
    };
    let mut wanted = if open { 1 } else { step };
    let mut overdue = Vec::new();
    // What is past the step stays for the next read.
    let claimed: Vec<_> = lane.held(|held| {
        let mut claimed = Vec::new();
        for delivery in due.deliveries {
            let too_long = waited_too_long(&delivery);
            if !too_long && batches.wants(&delivery, now) {
                if held.is_free(delivery.id) {
                    batches.take(delivery);
                }
                continue;
            }
            // The one that probes is the longest due, a batch or not.
            let enough = wanted == 0 || open && batches.are_due();
            if (enough && !too_long) || !held.claim(delivery.id) {
                continue;
            }
            if too_long {
                overdue.push(delivery);
            } else {
                wanted -= 1;
                claimed.push(delivery);
            }
        }
        claimed
    });
    let next = if wanted == 0 || read == limit {
        Some(now)
    } else {
        due.next
    };
    end_overdue(shared, overdue, now).await;
    if let Err(cause) = bring_in(shared, lane, &claimed).await {
        lane.held(|held| {
            claimed
                .iter()
                .for_each(|delivery| held.release_stored(delivery.id));
        });
        return Err(cause);
    }
    let nothing = claimed.is_empty() && batches.are_due();
    let brought = batches.bring_in(shared, lane, wanted, now).await?;
    let mut next = next.into_iter().chain(brought.next).min();
    if nothing && !brought.any {
        // Batches of which something is held fill what was read.
        next = next.map(|next| next.max(now.after(SPOILED)));
    }
    if let Some(next) = next {
        shared.schedule(lane.endpoint, next);
    }
    // A batch is a job of many events.
    Ok(claimed.len() + if brought.any { step } else { 0 })
}

/// Whether a delivery has waited too long behind an open breaker.
pub(super) fn too_long(policy: &DeliveryPolicy, delivery: &Delivery, now: Timestamp) -> bool {
    match delivery.state {
        DeliveryState::Waiting { due_at } => {
            policy.is_out_of_patience(delivery.first_attempt_at, due_at, now)
        }
        _ => false,
    }
}

/// Ends what has waited too long, without an attempt.
pub(super) async fn end_overdue(shared: &Shared, overdue: Vec<Delivery>, now: Timestamp) {
    for delivery in overdue {
        let end = DeliveryState::Failed {
            at: now,
            reason: FailedReason::Exhausted,
        };
        end_without_attempt(shared, delivery, end).await;
    }
}

async fn bring_in(
    shared: &Arc<Shared>,
    lane: &Arc<Lane>,
    deliveries: &[Delivery],
) -> Result<(), StoreError> {
    for claimed in with_events(shared, deliveries).await? {
        match claimed {
            Claimed::Job(job) => push(shared, lane, job),
            Claimed::Gone(delivery) => end_without_payload(shared, *delivery).await,
        }
    }
    Ok(())
}

/// Puts a job that was read from the store into its lane's queue.
pub(super) fn push(shared: &Arc<Shared>, lane: &Arc<Lane>, job: Job) {
    if lane.push_stored(job, shared.start_limit()) == Pushed::StartWorker {
        worker::start(shared, Arc::clone(lane), None);
    }
}

/// A row that was taken.
pub(super) enum Claimed {
    /// With its event.
    Job(Job),
    /// Its event's payload is not kept any more.
    Gone(Box<Delivery>),
}

impl Claimed {
    pub(super) fn id(&self) -> DeliveryId {
        match self {
            Self::Job(job) => job.delivery_id(),
            Self::Gone(delivery) => delivery.id,
        }
    }
}

/// Reads the events of deliveries of one tenant.
pub(super) async fn with_events(
    shared: &Arc<Shared>,
    deliveries: &[Delivery],
) -> Result<Vec<Claimed>, StoreError> {
    let Some(scope) = deliveries.first().map(|delivery| delivery.scope.clone()) else {
        return Ok(Vec::new());
    };
    let mut ids: Vec<_> = deliveries.iter().map(|delivery| delivery.event).collect();
    ids.sort_unstable();
    ids.dedup();
    let events = shared.parts.log.events_by_id(&scope, &ids).await?;
    let shipments: HashMap<_, _> = events
        .into_iter()
        .map(|event| (event.id, Shipment::new(event, &shared.budget)))
        .collect();
    let claimed = deliveries.iter().map(|delivery| {
        let shipment = shipments.get(&delivery.event);
        match shipment.filter(|shipment| !shipment.event().payload_gone()) {
            Some(shipment) => Claimed::Job(Job {
                shipment: Arc::clone(shipment),
                origin: Origin::Stored(Box::new(delivery.clone())),
                extra: false,
                batch: None,
            }),
            None => Claimed::Gone(Box::new(delivery.clone())),
        }
    });
    Ok(claimed.collect())
}

/// Ends a delivery whose event's payload is not kept any more.
pub(super) async fn end_without_payload(shared: &Shared, delivery: Delivery) {
    let at = shared.parts.clock.now();
    let reason = DiscardedReason::PayloadGone;
    let end = DeliveryState::Discarded { at, reason };
    end_without_attempt(shared, delivery, end).await;
}

async fn end_without_attempt(shared: &Shared, delivery: Delivery, state: DeliveryState) {
    let origin = Origin::Stored(Box::new(delivery.clone()));
    let settlement = Settlement {
        delivery: Delivery { state, ..delivery },
        attempt: None,
    };
    let outcome = Outcome::Settled { origin, settlement };
    let _ = shared.settle.send(outcome).await;
}
