//! What holds of what nodes wish of each other: extra attempts come, and what was cancelled is over.

use std::collections::BTreeMap;
use std::time::Duration;

use fanfare_domain::delivery::{Delivery, DeliveryState, DiscardedReason};
use fanfare_domain::id::{DeliveryId, EndpointId, JobId};
use fanfare_domain::job::{Job, JobState};

use super::Broken;
use super::story::Story;
use crate::fleet::Fact;
use crate::fleet::node::DETECTION;

/// A wish is looked for, and granted when what stands in its way has ended.
const SOON: Duration = Duration::from_secs(14);

fn is_cancelled(row: &Delivery) -> bool {
    let reason = DiscardedReason::Cancelled;
    matches!(row.state, DeliveryState::Discarded { reason: its, .. } if its == reason)
}

/// Whichever node had it in its memory.
pub(super) fn nothing_after_cancelled(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (request, delivery, _) in story.with_earlier() {
        let Some((place, row)) = story.ends.get(&delivery) else {
            continue;
        };
        if *place < request.place && is_cancelled(row) {
            let how = format!("node {} sends {delivery}", request.node);
            broken.push((Some(request.place), how));
        }
    }
    broken
}

/// There is one job at a time, so what was cancelled since it was made was cancelled for it.
pub(super) fn jobs_count_right(story: &Story<'_>) -> Vec<Broken> {
    let mut jobs: BTreeMap<JobId, (&Job, u64)> = BTreeMap::new();
    for (_, fact) in story.facts {
        match fact {
            Fact::Job(job) => jobs.entry(job.id).or_insert((job, 0)).0 = job,
            Fact::Row(row) if is_cancelled(row) => {
                if let Some(mut last) = jobs.last_entry() {
                    last.get_mut().1 += 1;
                }
            }
            _ => {}
        }
    }
    let mut broken = Vec::new();
    for (id, (job, ended)) in jobs {
        let taken = job.progress.taken;
        if job.state != JobState::Completed {
            broken.push((None, format!("{id} is {:?}", job.state)));
        } else if taken != ended {
            broken.push((None, format!("{id} ended {ended} and counts {taken}")));
        }
    }
    broken
}

/// Where no node is disturbed.
pub(super) fn extra_attempts_come(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (place, (at, fact)) in story.facts.iter().enumerate() {
        let Fact::Granted(id, asked) = fact else {
            continue;
        };
        let until = at.after(SOON);
        let end = story.facts.partition_point(|(at, _)| *at <= until);
        let begin = story.at(*asked).before(3 * DETECTION);
        let begin = story.facts.partition_point(|(at, _)| *at < begin);
        if !story.is_quiet(begin, end) || story.was_repeated(*id, end) {
            continue;
        }
        let Some(endpoint) = story.endpoint_of(*id) else {
            continue;
        };
        // It waits for its turn then, in the order or at the rate.
        if endpoint.rate_limit.is_some() || stands_behind(story, *id, endpoint.id, *asked) {
            continue;
        }
        let requests = story.requests_of.get(id).into_iter().flatten();
        let sent = requests.map(|at| &story.requests[*at]).any(|request| {
            let answered = request.answered.map_or(usize::MAX, |(at, _)| at);
            request.place < end && answered > *asked
        });
        // Among others that it has come to its end, or that an attempt was recorded.
        let changed = story.facts[*asked..end]
            .iter()
            .any(|(_, fact)| matches!(fact, Fact::Row(row) if row.id == *id));
        if !sent && !changed {
            broken.push((Some(place), format!("{id} got none within {SOON:?}")));
        }
    }
    broken
}

/// Whether something stands before a delivery in its order at a place.
fn stands_behind(story: &Story<'_>, id: DeliveryId, endpoint: EndpointId, place: usize) -> bool {
    let Some((strand, position)) = story.turn(id, endpoint) else {
        return false;
    };
    let mut others = story
        .events
        .values()
        .flat_map(|(_, event)| event.deliveries());
    others.any(|(other, to)| {
        let turn = (to == endpoint).then(|| story.turn(other, to)).flatten();
        let before = turn.is_some_and(|(of, at)| of == strand && at < position);
        before && story.ends.get(&other).is_none_or(|(end, _)| *end > place)
    })
}
