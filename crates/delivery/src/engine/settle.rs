//! Settling: outcomes go to the store many at a time; what follows from them waits for the commit.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fanfare_app::fault::{Fault, planted};
use fanfare_app::notices::{Change, Notice};
use fanfare_app::port::StoreError;
use fanfare_app::port::deliveries::{Settled, Settlement};
use fanfare_domain::attempt::Attempt;
use fanfare_domain::delivery::{Delivery, DeliveryState, FailedReason};
use fanfare_domain::id::EndpointId;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::Shared;
use super::health::disable_endpoint;
use super::job::{Job, Origin, in_line};
use super::order;
use super::worker::unwanted;

/// The most outcomes of a commit. The last of them may bring the rest of its batch.
const TOGETHER: usize = 512;
/// How long the first outcome of a commit waits for others: they share its pages.
const GATHER: Duration = Duration::from_millis(10);
/// How long to wait before a commit is tried again, when the store was not available.
const AGAIN: Duration = Duration::from_millis(500);

/// What the settler is told.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every one is the large one"
)]
pub(super) enum Outcome {
    /// An attempt ended, or a job came to nothing.
    Settled {
        /// What was attempted.
        origin: Origin,
        /// What is to be recorded.
        settlement: Settlement,
    },
    /// An attempt of a batch ended, or some of it came to nothing: what is to be recorded is one commit.
    Together {
        /// What was attempted, and what is to be recorded.
        settled: Vec<(Origin, Settlement)>,
        /// Room for so many, until they are committed.
        room: Option<OwnedSemaphorePermit>,
    },
    /// Everything sent before is to be settled, then the engine is at its end.
    Stop,
}

impl Outcome {
    pub(super) fn settled(job: Job, delivery: Delivery, attempt: Option<Box<Attempt>>) -> Self {
        Self::Settled {
            origin: job.origin,
            settlement: Settlement { delivery, attempt },
        }
    }

    /// What became of several deliveries at once. Waits for room.
    pub(super) async fn together(shared: &Shared, settled: Vec<(Origin, Settlement)>) -> Self {
        let count = u32::try_from(settled.len()).unwrap_or(u32::MAX);
        let room = Arc::clone(&shared.room_to_settle);
        Self::Together {
            settled,
            // Never closed, and larger than any batch.
            room: room.acquire_many_owned(count).await.ok(),
        }
    }

    /// Deliveries that came to an end without an attempt, together.
    pub(super) async fn ended(
        shared: &Shared,
        jobs: Vec<Job>,
        endpoint: EndpointId,
        state: DeliveryState,
    ) -> Self {
        let settled = jobs.into_iter().flat_map(Job::apart).map(|job| {
            let delivery = Delivery {
                state,
                ..job.delivery(endpoint)
            };
            let attempt = None;
            (job.origin, Settlement { delivery, attempt })
        });
        let mut settled: Vec<_> = settled.collect();
        match settled.pop() {
            Some((origin, settlement)) if settled.is_empty() => {
                Self::Settled { origin, settlement }
            }
            last => {
                settled.extend(last);
                Self::together(shared, settled).await
            }
        }
    }

    /// Whether what was attempted arrived.
    pub(super) fn arrived(&self) -> bool {
        let settlement = match self {
            Self::Settled { settlement, .. } => Some(settlement),
            Self::Together { settled, .. } => settled.first().map(|(_, settlement)| settlement),
            Self::Stop => None,
        };
        settlement.is_some_and(|settlement| {
            matches!(settlement.delivery.state, DeliveryState::Delivered { .. })
        })
    }
}

/// Settles until it is told to stop.
pub(super) async fn run(shared: Arc<Shared>, mut outcomes: mpsc::Receiver<Outcome>) {
    let mut received = Vec::with_capacity(TOGETHER);
    loop {
        received.clear();
        if outcomes.recv_many(&mut received, TOGETHER).await == 0 {
            return;
        }
        let stops = |outcome: &Outcome| matches!(outcome, Outcome::Stop);
        if received.len() < TOGETHER && !received.iter().any(stops) {
            tokio::time::sleep(GATHER).await;
            while received.len() < TOGETHER
                && let Ok(outcome) = outcomes.try_recv()
            {
                received.push(outcome);
            }
        }
        let mut origins = Vec::with_capacity(received.len());
        let mut settlements = Vec::with_capacity(received.len());
        let mut rooms = Vec::new();
        let mut stop = false;
        for outcome in received.drain(..) {
            match outcome {
                Outcome::Settled { origin, settlement } => {
                    origins.push(origin);
                    settlements.push(settlement);
                }
                Outcome::Together { settled, room } => {
                    for (origin, settlement) in settled {
                        origins.push(origin);
                        settlements.push(settlement);
                    }
                    rooms.push(room);
                }
                Outcome::Stop => stop = true,
            }
            if settlements.len() >= TOGETHER {
                settle(&shared, &origins, std::mem::take(&mut settlements)).await;
                origins.clear();
                rooms.clear();
            }
        }
        settle(&shared, &origins, settlements).await;
        if stop {
            // A last word on how far the rows reach; nothing depends on it.
            save_materialised(&shared).await;
            shared.settled.notify_waiters();
        }
    }
}

/// Tells the store how far the rows reach, if that is further than it knows.
pub(super) async fn save_materialised(shared: &Shared) {
    let base = shared.tracker.lock().base();
    if let Err(cause) = shared
        .parts
        .deliveries
        .settle(Arc::default(), Some(base))
        .await
    {
        tracing::debug!(error = %cause, "the materialised position could not be saved yet");
    }
}

async fn settle(shared: &Arc<Shared>, origins: &[Origin], mut settlements: Vec<Settlement>) {
    if settlements.is_empty() {
        return;
    }
    let now = shared.parts.clock.now();
    for settlement in &mut settlements {
        // What would wait for an endpoint that was disabled meanwhile ends here.
        let delivery = &mut settlement.delivery;
        if !delivery.state.ended()
            && let Some(reason) =
                unwanted(shared.parts.directory.target(delivery.endpoint).as_deref())
        {
            delivery.state = DeliveryState::Discarded { at: now, reason };
        }
        hold_if_wanted(shared, delivery);
    }
    let settlements = Arc::new(settlements);
    if planted(Fault::LetGoBeforeCommit) {
        for (origin, settlement) in origins.iter().zip(settlements.iter()) {
            let lane = shared
                .lanes
                .get(settlement.delivery.endpoint, &shared.health);
            lane.release(origin, settlement.delivery.id);
        }
    }
    let settled = commit(shared, &settlements).await;
    let ended = settlements
        .iter()
        .zip(&settled)
        .filter(|(each, settled)| **settled == Settled::Recorded && each.delivery.state.ended());
    let directory = &shared.parts.directory;
    directory.count_ended(ended.map(|(each, _)| &each.delivery.scope));
    let mut tracker = shared.tracker.lock();
    for origin in origins {
        if let Origin::Fresh { position, place } = origin {
            tracker.finish(*position, *place);
        }
    }
    drop(tracker);
    let mut disabled_by = BTreeSet::new();
    for ((origin, settlement), settled) in origins.iter().zip(settlements.iter()).zip(settled) {
        let delivery = &settlement.delivery;
        if let DeliveryState::Failed { reason, .. } = delivery.state
            && disabled_by.insert((delivery.endpoint, reason.as_str()))
        {
            disable_by(shared, delivery, reason);
        }
        if settled == Settled::Recorded {
            shared.meters.ended(delivery.state.name(), 1);
            if let Some(notice) = Notice::of_delivery(delivery, settlement.attempt.is_some()) {
                shared.tell(|| notice);
            }
        }
        if let Some(lane) = shared.lanes.find(delivery.endpoint) {
            lane.release(origin, delivery.id);
        }
        if let Some(at) = in_line(delivery) {
            order::settled(shared, delivery.endpoint, at, delivery.state);
        } else if let DeliveryState::Waiting { due_at } = delivery.state
            && !planted(Fault::ForgetDueTime)
        {
            shared.schedule(delivery.endpoint, due_at);
        }
        follow_order(shared, delivery, settled);
    }
}

/// A delivery that fails holds its line up, where its endpoint wants that. The mark is committed with its
/// end.
fn hold_if_wanted(shared: &Shared, delivery: &mut Delivery) {
    if let Some(turn) = &mut delivery.turn
        && turn.strand.is_some()
        && matches!(delivery.state, DeliveryState::Failed { .. })
        && let Some(target) = shared.parts.directory.target(delivery.endpoint)
    {
        turn.holds = target.holds_on_failure() && !planted(Fault::ForgetHold);
    }
}

/// What follows from a commit for the order of an endpoint.
fn follow_order(shared: &Arc<Shared>, delivery: &Delivery, settled: Settled) {
    let endpoint = delivery.endpoint;
    match delivery.state {
        DeliveryState::Failed { at: since, .. }
            if settled == Settled::Recorded && delivery.turn.is_some_and(|turn| turn.holds) =>
        {
            shared.meters.held.increment(1);
            let tenant = &delivery.scope.tenant;
            tracing::warn!(%endpoint, %tenant, delivery = %delivery.id, "an order is held up by a delivery that failed");
            shared.tell(|| Notice {
                scope: delivery.scope.clone(),
                endpoint,
                change: Change::Held {
                    delivery: delivery.id,
                    since,
                },
            });
        }
        // It may have lifted the hold of a line, which only the store knows.
        DeliveryState::Delivered { .. } if delivery.replay_of.is_some() => {
            let target = shared.parts.directory.target(endpoint);
            if target.is_some_and(|target| target.holds_on_failure()) {
                order::patrol(shared, endpoint);
            }
        }
        DeliveryState::Waiting { .. } if delivery.id.place().is_some() => {
            let target = shared.parts.directory.target(endpoint);
            if target.is_some_and(|target| !target.endpoint.ordering.fits(delivery.turn)) {
                order::place::again(shared, endpoint);
            }
        }
        _ => {}
    }
}

/// Disables the endpoint of a delivery that failed, where its policy says so. Only after the commit, or the
/// delivery that led to it could be discarded with what waits for the endpoint.
fn disable_by(shared: &Arc<Shared>, delivery: &Delivery, failed: FailedReason) {
    let target = shared.parts.directory.target(delivery.endpoint);
    if let Some(target) = target.filter(|target| target.endpoint.enabled())
        && let Some(reason) = target.policy.disables(failed)
    {
        disable_endpoint(shared, delivery.scope.clone(), delivery.endpoint, reason);
    }
}

/// Commits settlements, however long the store is away: the queue of outcomes is bounded, so workers
/// wait meanwhile.
pub(super) async fn commit(shared: &Shared, settlements: &Arc<Vec<Settlement>>) -> Vec<Settled> {
    let mut told = false;
    loop {
        let mut base = shared.tracker.lock().base();
        if planted(Fault::MaterialisedTooHigh) {
            base += 1;
        }
        match shared
            .parts
            .deliveries
            .settle(Arc::clone(settlements), Some(base))
            .await
        {
            Ok(settled) => {
                shared.unsynced.store(true, Ordering::Relaxed);
                return settled;
            }
            Err(StoreError::Closed) => return Vec::new(),
            Err(cause) => {
                if !told {
                    tracing::error!(error = %cause, cause = ?std::error::Error::source(&cause), "outcomes can't be settled; trying again until they can");
                    told = true;
                }
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}
