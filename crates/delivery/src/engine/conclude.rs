//! What follows from an attempt: for its delivery, by the policy, and for its lane.

use std::sync::Arc;
use std::time::Duration;

use fanfare_app::directory::Target;
use fanfare_app::fault::{Fault, planted};
use fanfare_app::port::sender::Exchange;
use fanfare_domain::breaker::Ended;
use fanfare_domain::delivery::{Delivery, DeliveryState, DiscardedReason, FailedReason};
use fanfare_domain::policy::{AttemptResult, RetryAfter, Verdict};
use fanfare_domain::time::Timestamp;

use super::Shared;
use super::health;
use super::lane::Lane;
use super::limit::Pressure;
use super::worker;

/// How an attempt was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) began: Timestamp,
    /// Besides the schedule.
    pub(super) extra: bool,
    /// To find out for a breaker.
    pub(super) probe: bool,
}

/// What an attempt was answered.
#[derive(Debug)]
pub(super) struct Answered {
    result: AttemptResult,
    succeeded: bool,
    took: Duration,
}

impl Answered {
    /// What came of a request that began then.
    pub(super) fn of(exchange: &Exchange, began: Timestamp) -> Self {
        let mut status = exchange.response.as_ref().map(|response| response.status);
        let mut error = exchange.error.as_ref().map(|error| error.kind);
        if planted(Fault::TakeFailureForSuccess) && status == Some(500) {
            status = Some(200);
        }
        if planted(Fault::TakePartForWhole) && status.is_some() {
            error = None;
        }
        let succeeded =
            error.is_none() && status.is_some_and(|status| (200..300).contains(&status));
        let retry_after = match &exchange.response {
            Some(response) if !succeeded && !planted(Fault::IgnoreRetryAfter) => response
                .headers
                .get(http::header::RETRY_AFTER)
                .and_then(|value| value.to_str().ok())
                .and_then(RetryAfter::parse),
            _ => None,
        };
        let result = AttemptResult {
            status,
            error,
            retry_after,
            ended_at: began.after(exchange.timings.total),
        };
        Self {
            result,
            succeeded,
            took: exchange.timings.total,
        }
    }
}

/// Puts into a delivery what follows from an attempt that it counts already.
pub(super) fn decide(
    target: &Target,
    delivery: &mut Delivery,
    answered: &Answered,
    manner: Manner,
    chance: f64,
) {
    let Manner { began, extra, .. } = manner;
    let result = &answered.result;
    let ended_at = result.ended_at;
    let mut first_attempt_at = *delivery.first_attempt_at.get_or_insert(began);
    if planted(Fault::IgnoreTotalTime) {
        first_attempt_at = began;
    }
    if extra && !planted(Fault::CountExtraAttempt) {
        delivery.extra_attempts = delivery.extra_attempts.saturating_add(1);
    }
    let number = delivery.attempts - delivery.extra_attempts.min(delivery.attempts);
    let policy = target.policy_for(delivery);
    let decision = policy.decide(result, number, first_attempt_at, chance);
    delivery.last_status = result.status;
    delivery.last_error = result.error;
    delivery.state = match decision.verdict {
        Verdict::Delivered => DeliveryState::Delivered { at: ended_at },
        Verdict::Retry { .. } | Verdict::Failed(FailedReason::Exhausted) if extra => {
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

/// Lets the lane learn from an attempt.
pub(super) fn learn(
    shared: &Arc<Shared>,
    lane: &Arc<Lane>,
    target: &Target,
    answered: &Answered,
    manner: Manner,
) {
    let Answered {
        result,
        succeeded,
        took,
    } = answered;
    shared
        .meters
        .attempt_answered(*took, *succeeded, result.error);
    let ended = Ended {
        succeeded: *succeeded,
        began: manner.began,
        at: result.ended_at,
        probe: manner.probe,
    };
    health::learn(shared, lane, target, result, &ended);
    let overloaded = result.error.is_some() || matches!(result.status, Some(429 | 503));
    let pressure = if overloaded {
        Pressure::Overloaded
    } else {
        Pressure::Fine
    };
    if lane.adapt(pressure, shared.parts.options.lane_concurrency_most) {
        worker::start(shared, Arc::clone(lane), None);
    }
}
