//! What follows from an attempt is what the endpoint's policy says of the answer that the network gave.

use std::time::Duration;

use fanfare_app::port::sender::Exchange;
use fanfare_domain::attempt::Trigger;
use fanfare_domain::delivery::{DeliveryState, DiscardedReason, FailedReason};
use fanfare_domain::id::DeliveryId;
use fanfare_domain::policy::{DeliveryPolicy, RetryAfter, Schedule};
use fanfare_domain::time::Timestamp;

use super::{Broken, Rule};
use crate::story::{Place, Story, Tale};

pub(super) const RULE: Rule = Rule {
    says: "the policy decides what follows",
    check,
};

/// Times are kept in microseconds, and a stretched wait is rounded.
const ROUNDING: Duration = Duration::from_micros(2);

/// What has to follow.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Follows {
    Delivered,
    Failed(FailedReason),
    /// It is due again, from then to then.
    Waits(Timestamp, Timestamp),
    /// The same, or the chance in the wait takes it past the total time.
    WaitsOrFails(Timestamp, Timestamp),
}

fn check(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    for request in &story.messages {
        let (Some(attempt), [id], Some((_, ended_at, exchange))) =
            (request.recorded, request.of.as_slice(), request.answer)
        else {
            continue;
        };
        let tale = &story.deliveries[id];
        let recorded = tale.attempts.iter().find(|(_, each)| *each == attempt);
        let Some((recorded, _)) = recorded else {
            continue;
        };
        let Some((place, row)) = tale.rows.iter().find(|(place, _)| *place == recorded + 1) else {
            // It had ended.
            continue;
        };
        let Some(known) = story.endpoints.get(&tale.endpoint) else {
            continue;
        };
        let extra = attempt.trigger == Trigger::Manual;
        let follows = follows(story, &known.policy, *id, *recorded, (ended_at, exchange));
        let arrived = follows == Follows::Delivered;
        let fits = match row.state {
            DeliveryState::Delivered { at } => arrived && at == ended_at,
            DeliveryState::Discarded {
                at,
                reason: DiscardedReason::Expired,
            } => !arrived && tale.expires_at.is_some_and(|end| end <= at),
            DeliveryState::Discarded { reason, .. } => {
                !arrived && closed(story, tale, *place, reason)
            }
            DeliveryState::Failed { at, reason } => {
                at == ended_at
                    && match follows {
                        Follows::Failed(FailedReason::Gone) => reason == FailedReason::Gone,
                        Follows::Failed(FailedReason::Exhausted) | Follows::WaitsOrFails(..) => {
                            !extra && reason == FailedReason::Exhausted
                        }
                        _ => false,
                    }
            }
            // An extra attempt that fails leaves the schedule as it was.
            DeliveryState::Waiting { due_at } if extra => {
                !arrived && tale.due_before(*recorded, &known.policy) == Some(due_at)
            }
            DeliveryState::Waiting { due_at } => match follows {
                Follows::Waits(from, to) | Follows::WaitsOrFails(from, to) => {
                    (from..=to).contains(&due_at)
                }
                _ => false,
            },
        };
        if !fits {
            let how = format!("{id} is {:?}, where this follows: {follows:?}", row.state);
            broken.push((Some(*place), how));
        }
    }
    broken
}

fn closed(story: &Story<'_>, tale: &Tale<'_>, place: Place, reason: DiscardedReason) -> bool {
    matches!(
        reason,
        DiscardedReason::EndpointDisabled | DiscardedReason::EndpointDeleted
    ) && story.was_closed_before(tale.endpoint, place)
}

fn follows(
    story: &Story<'_>,
    policy: &DeliveryPolicy,
    id: DeliveryId,
    recorded: Place,
    (ended_at, exchange): (Timestamp, &Exchange),
) -> Follows {
    let tale = &story.deliveries[&id];
    let status = match (&exchange.response, &exchange.error) {
        (Some(response), None) => Some(response.status),
        _ => None,
    };
    if matches!(status, Some(200..300)) {
        return Follows::Delivered;
    }
    if status == Some(410) && policy.gone_disables {
        return Follows::Failed(FailedReason::Gone);
    }
    let made = tale.scheduled_up_to(recorded);
    let Schedule::Waits(waits) = &policy.schedule else {
        return Follows::Failed(FailedReason::Exhausted);
    };
    let Some(wait) = waits.get(made) else {
        return Follows::Failed(FailedReason::Exhausted);
    };
    let wish = exchange.response.as_ref().and_then(|response| {
        let wish = response.headers.get("retry-after")?.to_str().ok()?;
        Some(RetryAfter::parse(wish)?.at(ended_at))
    });
    let wished = match (wish, policy.retry_after_limit) {
        (Some(wish), Some(limit)) => wish.min(ended_at.after(limit)),
        _ => ended_at,
    };
    // One that would wait past its end waits until then.
    let end = tale.expires_at.unwrap_or(Timestamp::from_micros(i64::MAX));
    let from = ended_at.after(*wait).max(wished);
    let longest = wait.mul_f64(1.0 + policy.jitter);
    let to = ended_at.after(longest + ROUNDING).max(wished);
    let began = tale.attempts.first().map(|(_, first)| first.started_at);
    let last = policy
        .total_time
        .and_then(|total| Some(began?.after(total)));
    match last {
        Some(last) if from > last => Follows::Failed(FailedReason::Exhausted),
        Some(last) if to > last => Follows::WaitsOrFails(from.min(end), last.min(end)),
        _ => Follows::Waits(from.min(end), to.min(end)),
    }
}
