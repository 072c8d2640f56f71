//! Workers: each takes jobs of one lane and makes their attempts, one after another.

use std::sync::Arc;
use std::time::Duration;

use fanfare_app::attempt::{AttemptStart, record, sent};
use fanfare_app::directory::Target;
use fanfare_app::fault::{Fault, planted};
use fanfare_app::format::Prepared;
use fanfare_app::port::random::unit;
use fanfare_app::port::sender::{Exchange, OutboundRequest};
use fanfare_app::test_delivery::unusable_url;
use fanfare_domain::attempt::Trigger;
use fanfare_domain::delivery::DiscardedReason;

use super::Shared;
use super::batch;
use super::conclude::{Answered, Manner, decide, learn};
use super::job::Origin;
use super::lane::{Lane, Next, Turn};
use super::refill;
use super::settle::Outcome;
use super::slots::{self, Slot};

/// Starts a worker that the lane has counted already, with a slot if it has one.
pub(super) fn start(shared: &Arc<Shared>, lane: Arc<Lane>, slot: Option<Slot>) {
    tokio::spawn(run(Arc::clone(shared), lane, slot));
}

/// Starts workers of the lanes whose turn for a slot has come.
fn start_turns(shared: &Arc<Shared>, mut turns: Vec<slots::Turn>) {
    while let Some((endpoint, slot)) = turns.pop() {
        let lane = shared.lanes.find(endpoint);
        if let Some(lane) = &lane
            && lane.take_turn()
        {
            start(shared, Arc::clone(lane), Some(slot));
            continue;
        }
        turns.extend(shared.slots.give_back(slot));
        // What it waited for was taken out meanwhile: it has room.
        if let Some(lane) = lane.filter(|lane| lane.next_read().is_some()) {
            refill::kick(shared, &lane);
        }
    }
}

async fn run(shared: Arc<Shared>, lane: Arc<Lane>, mut slot: Option<Slot>) {
    loop {
        match lane.next(&shared, &mut slot) {
            Next::Attempt(turn) => {
                if let Some(at) = turn.wake_at {
                    shared.timer.set(at, lane.endpoint);
                }
                let at = turn.job.in_line();
                let with_it = turn.job.followers_in_line();
                let outcome = attempt(&shared, &lane, *turn).await;
                let passes = at.filter(|_| outcome.arrived() || planted(Fault::PassWhileRetried));
                if let Some(at) = at {
                    lane.conclude(at, passes.is_some());
                }
                if passes.is_some() {
                    with_it.into_iter().for_each(|at| lane.conclude(at, true));
                }
                // Full: the worker waits with its outcome, and sends nothing new meanwhile.
                let _ = shared.settle.send(outcome).await;
                // Not before, or the outcomes of a line could be committed in another order.
                if let Some(at) = passes {
                    lane.pass_on(at.strand);
                }
                if shared.meters.attempt_ends() && shared.stopping() {
                    shared.idle.notify_waiters();
                }
            }
            Next::Void { jobs, end } => {
                let outcome = Outcome::ended(&shared, jobs, lane.endpoint, end).await;
                let _ = shared.settle.send(outcome).await;
            }
            Next::GiveBack => {
                if let Some(slot) = slot.take() {
                    start_turns(&shared, shared.slots.give_back(slot));
                }
                continue;
            }
            Next::Wait { tenant, class } => {
                let turns = shared.slots.wait(&tenant, lane.endpoint, class);
                start_turns(&shared, turns);
                break;
            }
            Next::End { wake_at } => {
                if let Some(at) = wake_at {
                    shared.timer.set(at, lane.endpoint);
                }
                break;
            }
        }
        if lane.next_read().is_some() {
            refill::kick(&shared, &lane);
        }
    }
    if let Some(slot) = slot {
        start_turns(&shared, shared.slots.give_back(slot));
    }
    if lane.next_read().is_some() {
        refill::kick(&shared, &lane);
    }
}

/// Whether, and why, nothing may be sent to an endpoint as it stands.
pub(super) fn unwanted(target: Option<&Target>) -> Option<DiscardedReason> {
    match target {
        None => Some(DiscardedReason::EndpointDeleted),
        Some(_) if planted(Fault::SendToDisabled) => None,
        Some(target) if !target.endpoint.enabled() => Some(DiscardedReason::EndpointDisabled),
        Some(_) => None,
    }
}

async fn attempt(shared: &Arc<Shared>, lane: &Arc<Lane>, turn: Turn) -> Outcome {
    let target = Arc::clone(&turn.target);
    // Only a format that has batches has them read, and an endpoint's format stays the same.
    if let (Some(batch), Some(format)) = (&turn.job.batch, target.format.batches()) {
        let batch = batch.id;
        return batch::attempt::attempt(shared, lane, turn, (batch, format)).await;
    }
    let Turn {
        job,
        target,
        now,
        slot,
        probe,
        ..
    } = turn;
    let mut delivery = job.delivery(lane.endpoint);
    if let Origin::Fresh { position, .. } = job.origin {
        // It is sent in no order, and stays so.
        let turn = job
            .shipment
            .event()
            .turn(position, target.endpoint.ordering);
        delivery.turn = turn.map(|turn| fanfare_domain::order::Turn::outside(turn.position));
    }
    let first = delivery.attempts == 0;
    shared
        .meters
        .attempt_begins(first.then(|| now.since(job.shipment.event().due_from())));
    let prepared = target.format.prepare(&job.shipment.parcel, &target, now);
    delivery.attempts = delivery.attempts.saturating_add(1);
    if planted(Fault::SkipNumber) && delivery.attempts == 2 {
        delivery.attempts = 3;
    }
    let start = AttemptStart {
        id: delivery.id.attempt(delivery.attempts),
        at: now,
        trigger: if job.extra {
            Trigger::Manual
        } else {
            Trigger::Scheduled
        },
        headers: sent(&prepared.headers),
    };
    let exchange = if planted(Fault::RecordUnsent) && delivery.attempts == 2 {
        unusable_url()
    } else {
        let timeout = target.policy_for(&delivery).timeout;
        send(shared, &target, prepared, timeout).await
    };
    give_back(shared, slot);
    let manner = Manner {
        began: now,
        extra: job.extra,
        probe,
    };
    let answered = Answered::of(&exchange, now);
    let chance = unit(shared.parts.random.bits());
    decide(&target, &mut delivery, &answered, manner, chance);
    learn(shared, lane, &target, &answered, manner);
    let attempt = record(start, &target, exchange);
    Outcome::settled(job, delivery, Some(Box::new(attempt)))
}

/// Sends what was prepared for an endpoint.
pub(super) async fn send(
    shared: &Shared,
    target: &Target,
    prepared: Prepared,
    timeout: Duration,
) -> Exchange {
    let Some(uri) = &target.uri else {
        return unusable_url();
    };
    let request = OutboundRequest {
        method: http::Method::POST,
        uri: uri.clone(),
        headers: prepared.headers,
        body: prepared.body,
        timeout,
    };
    shared.parts.sender.send(request).await
}

/// Gives a slot back: another lane may have waited for it.
pub(super) fn give_back(shared: &Arc<Shared>, slot: Slot) {
    start_turns(shared, shared.slots.give_back(slot));
}
