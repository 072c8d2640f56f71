//! When an endpoint asks for less and says when to come again, nothing of its schedule is sent to it before
//! that, for at most five minutes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fanfare_app::port::sender::Exchange;
use fanfare_domain::attempt::Trigger;
use fanfare_domain::policy::{DeliveryPolicy, RetryAfter};
use fanfare_domain::time::Timestamp;
use fanfare_testkit::memory_store::Change;

use super::{Broken, Rule};
use crate::chronicle::Fact;
use crate::story::{Story, closes, opens};

pub(super) const RULE: Rule = Rule {
    says: "Retry-After slows the lane",
    check,
};

const AT_MOST: Duration = Duration::from_secs(300);

fn check(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut slowed: BTreeMap<_, Timestamp> = BTreeMap::new();
    let mut closed = BTreeSet::new();
    for (place, (now, fact)) in story.history.facts.iter().enumerate() {
        match fact {
            Fact::Sent(number, _) => {
                let request = &story.requests[*number];
                let scheduled =
                    request.recorded.map(|attempt| attempt.trigger) == Some(Trigger::Scheduled);
                let until = request.endpoint.and_then(|id| slowed.get(&id));
                if let Some(until) = until.filter(|until| scheduled && *now < **until) {
                    broken.push((
                        Some(place),
                        format!("it is asked for nothing until {until}"),
                    ));
                }
            }
            Fact::Answered(number, exchange) => {
                let Some(id) = story.requests[*number].endpoint else {
                    continue;
                };
                let Some(known) = story.endpoints.get(&id) else {
                    continue;
                };
                if let Some(until) = wish(&known.policy, exchange, *now) {
                    let known = slowed.entry(id).or_insert(until);
                    *known = until.max(*known);
                }
            }
            Fact::Opening(id) | Fact::Closing(id) => {
                slowed.remove(id);
            }
            // Also by itself; and a change of something else enables it.
            Fact::Committed(Change::Document(changed)) => {
                if let Some(id) = closes(changed) {
                    slowed.remove(&id);
                    closed.insert(id);
                } else if let Some(id) = opens(changed).filter(|id| closed.remove(id)) {
                    slowed.remove(&id);
                }
            }
            Fact::Start => slowed.clear(),
            _ => {}
        }
    }
    broken
}

fn wish(policy: &DeliveryPolicy, exchange: &Exchange, now: Timestamp) -> Option<Timestamp> {
    let response = exchange.response.as_ref()?;
    if exchange.error.is_some() || !matches!(response.status, 429 | 502..=504) {
        return None;
    }
    let text = response.headers.get("retry-after")?.to_str().ok()?;
    let limit = policy.retry_after_limit?.min(AT_MOST);
    Some(RetryAfter::parse(text)?.at(now).min(now.after(limit)))
}
