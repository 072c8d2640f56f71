//! While nothing fails, what is due is sent within a moment: sooner than the next scan would find it.

use std::time::Duration;

use fanfare_domain::delivery::DeliveryState;
use fanfare_domain::id::EndpointId;
use fanfare_domain::time::Timestamp;

use super::{Broken, Rule};
use crate::chronicle::Fact;
use crate::story::{Story, arrived};

pub(super) const RULE: Rule = Rule {
    says: "what is due is sent in time",
    check,
};

/// What went wrong before is over after so long.
/// A `Retry-After` keeps a lane back for up to half a minute.
const SETTLED_AFTER: Duration = Duration::from_secs(35);
/// The longest that an attempt may be late then.
const MOMENT: Duration = Duration::from_millis(2_500);

fn check(story: &Story<'_>) -> Vec<Broken> {
    let Some(calm) = story.calm else {
        return vec![(None, "the run never came to its calm".to_owned())];
    };
    let from = story.at(calm).after(SETTLED_AFTER);
    let mut broken = Vec::new();
    // A rate makes what is due wait for its turn.
    let unlimited = |endpoint: &EndpointId| {
        let known = story.endpoints.get(endpoint);
        // So does an order.
        known.is_some_and(|known| known.rate_limit.is_none() && known.never_ordered())
    };
    // Behind a breaker it waits for a probe that succeeds, for each at most the longest wait.
    let latest = |endpoint: EndpointId, due: Timestamp| {
        let known = story.endpoints.get(&endpoint);
        // It may wait for others.
        let gathering = known.map_or(Duration::ZERO, |known| known.longest_gathering());
        let mut latest = due.after(gathering + MOMENT);
        let Some(breaker) = known.and_then(|known| known.policy.breaker.as_ref()) else {
            return latest;
        };
        for request in &story.requests {
            let failed = request
                .answer
                .is_some_and(|(_, _, exchange)| !arrived(exchange));
            let lately = due.before(breaker.longest_wait)..=latest;
            if failed && request.endpoint == Some(endpoint) && lately.contains(&request.at) {
                latest = latest.max(request.at.after(breaker.longest_wait + MOMENT));
            }
        }
        latest
    };
    for (id, tale) in &story.deliveries {
        if !unlimited(&tale.endpoint) {
            continue;
        }
        let sent: Vec<_> = story.messages_of(*id).map(|request| request.at).collect();
        for (number, (place, row)) in tale.rows.iter().enumerate() {
            let DeliveryState::Waiting { due_at } = row.state else {
                continue;
            };
            let due = due_at.max(story.at(*place));
            let until = latest(tale.endpoint, due);
            let in_time = sent.iter().any(|at| due_at <= *at && *at <= until);
            let next = tale.rows.get(number + 1).map(|(place, _)| story.at(*place));
            let over = next.is_some_and(|next| next <= until);
            if due >= from && !in_time && !over {
                broken.push((Some(*place), format!("{id} was not sent at {due}")));
            }
        }
    }
    for (place, (at, fact)) in story.history.facts.iter().enumerate().skip(calm) {
        let Fact::Accepted(event) = fact else {
            continue;
        };
        if event.created_at < from {
            continue;
        }
        let until = at.after(MOMENT);
        for (id, _) in event.deliveries().filter(|(_, to)| unlimited(to)) {
            let sent = story.messages_of(id).any(|request| request.at <= until);
            // What has to wait gets a row, and what is not to be sent ends.
            let tale = story.deliveries.get(&id);
            let mut rows = tale.into_iter().flat_map(|tale| &tale.rows);
            if !sent && !rows.any(|(row, _)| story.at(*row) <= until) {
                broken.push((Some(place), format!("{id} was not sent")));
            }
        }
    }
    broken
}
