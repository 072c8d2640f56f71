//! Workers: each takes jobs of one lane and makes their attempts, one after another.

use std::sync::Arc;
use std::time::Duration;

use fanfare_app::attempt::{AttemptStart, record, sent};
use fanfare_app::directory::Target;
use fanfare_app::fault::{Fault, planted};
use fanfare_app::port::random::unit;
use fanfare_app::port::sender::{Exchange, OutboundRequest};
use fanfare_app::test_delivery::unusable_url;
use fanfare_domain::attempt::Trigger;
use fanfare_domain::breaker::Ended;
use fanfare_domain::delivery::{Delivery, DeliveryState, DiscardedReason};
use fanfare_domain::policy::{AttemptResult, RetryAfter, Verdict};
use fanfare_domain::time::Timestamp;

use super::Shared;
use super::health;
use super::job::Origin;
use super::lane::{Lane, Next, Turn};
use super::limit::Pressure;
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
                let outcome = attempt(&shared, &lane, *turn).await;
                let passes = at.filter(|_| outcome.arrived() || planted(Fault::PassWhileRetried));
                if let Some(at) = at {
                    lane.conclude(at, passes.is_some());
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
            Next::Void { job, end } => {
                let mut delivery = job.delivery(lane.endpoint);
                delivery.state = end;
                let _ = shared
                    .settle
                    .send(Outcome::settled(job, delivery, None))
                    .await;
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
    let exchange = match &target.uri {
        Some(_) if planted(Fault::RecordUnsent) && delivery.attempts == 2 => unusable_url(),
        Some(uri) => {
            let request = OutboundRequest {
                method: http::Method::POST,
                uri: uri.clone(),
                headers: prepared.headers,
                body: prepared.body,
                timeout: target.policy_of(&delivery.event_type).timeout,
            };
            shared.parts.sender.send(request).await
        }
        None => unusable_url(),
    };
    start_turns(shared, shared.slots.give_back(slot));
    let manner = Manner {
        began: now,
        extra: job.extra,
        probe,
    };
    conclude(shared, lane, &target, &mut delivery, &exchange, manner);
    let attempt = record(start, &target, exchange);
    Outcome::settled(job, delivery, Some(Box::new(attempt)))
}

/// How an attempt was made.
#[derive(Clone, Copy, Debug)]
struct Manner {
    began: Timestamp,
    /// Besides the schedule.
    extra: bool,
    /// To find out for a breaker.
    probe: bool,
}

/// Puts into the delivery what follows from the attempt.
fn conclude(
    shared: &Arc<Shared>,
    lane: &Arc<Lane>,
    target: &Target,
    delivery: &mut Delivery,
    exchange: &Exchange,
    manner: Manner,
) {
    let Manner {
        began,
        extra,
        probe,
    } = manner;
    let mut status = exchange.response.as_ref().map(|response| response.status);
    let mut error = exchange.error.as_ref().map(|error| error.kind);
    if planted(Fault::TakeFailureForSuccess) && status == Some(500) {
        status = Some(200);
    }
    if planted(Fault::TakePartForWhole) && status.is_some() {
        error = None;
    }
    let succeeded = error.is_none() && status.is_some_and(|status| (200..300).contains(&status));
    let retry_after = match &exchange.response {
        Some(response) if !succeeded && !planted(Fault::IgnoreRetryAfter) => response
            .headers
            .get(http::header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(RetryAfter::parse),
        _ => None,
    };
    let ended_at = began.after(exchange.timings.total);
    let result = AttemptResult {
        status,
        error,
        retry_after,
        ended_at,
    };
    let mut first_attempt_at = *delivery.first_attempt_at.get_or_insert(began);
    if planted(Fault::IgnoreTotalTime) {
        first_attempt_at = began;
    }
    if extra && !planted(Fault::CountExtraAttempt) {
        delivery.extra_attempts = delivery.extra_attempts.saturating_add(1);
    }
    let number = delivery.attempts - delivery.extra_attempts.min(delivery.attempts);
    let chance = unit(shared.parts.random.bits());
    let decision =
        target
            .policy_of(&delivery.event_type)
            .decide(&result, number, first_attempt_at, chance);
    delivery.last_status = status;
    delivery.last_error = error;
    delivery.state = match decision.verdict {
        Verdict::Delivered => DeliveryState::Delivered { at: ended_at },
        Verdict::Retry { .. }
        | Verdict::Failed(fanfare_domain::delivery::FailedReason::Exhausted)
            if extra =>
        {
            // An extra attempt that fails leaves the schedule as it was.
            delivery.state
        }
        Verdict::Retry { due_at } if planted(Fault::DueTooEarly) => DeliveryState::Waiting {
            due_at: due_at.before(Duration::from_secs(1)),
        },
        Verdict::Retry { due_at } => DeliveryState::Waiting { due_at },
        Verdict::Failed(reason) => DeliveryState::Failed {
            at: ended_at,
            reason,
        },
    };
    end_if_expired(delivery, ended_at);
    shared
        .meters
        .attempt_answered(exchange.timings.total, succeeded, error);
    let ended = Ended {
        succeeded,
        began,
        at: ended_at,
        probe,
    };
    health::learn(shared, lane, target, &result, &ended);
    let overloaded = error.is_some() || matches!(status, Some(429 | 503));
    let pressure = if overloaded {
        Pressure::Overloaded
    } else {
        Pressure::Fine
    };
    if lane.adapt(pressure, shared.parts.options.lane_concurrency_most) {
        start(shared, Arc::clone(lane), None);
    }
}

/// What would wait past its end waits until then, or ends now.
fn end_if_expired(delivery: &mut Delivery, now: Timestamp) {
    if delivery.expires_at.is_none() || delivery.state.ended() {
        return;
    }
    if delivery.expired(now) {
        let reason = DiscardedReason::Expired;
        delivery.state = DeliveryState::Discarded { at: now, reason };
    } else {
        delivery.wait_no_longer_than_its_end();
    }
}
