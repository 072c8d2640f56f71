//! What holds of how long things take.

use std::time::Duration;

use super::Broken;
use super::story::Story;
use crate::fleet::Fact;
use crate::fleet::node::DETECTION;
use crate::fleet::play::SETTLED_AFTER;

/// In the calm, and all the time where a node is itself and an endpoint takes everything.
pub(super) fn in_time(story: &Story<'_>) -> Vec<Broken> {
    let calm = story
        .facts
        .iter()
        .position(|(_, fact)| matches!(fact, Fact::Calm));
    let Some(calm) = calm else {
        return vec![(None, "the run never came to its calm".to_owned())];
    };
    let calm = story.at(calm).after(SETTLED_AFTER - Duration::from_secs(1));
    let mut broken = Vec::new();
    for (place, (at, fact)) in story.facts.iter().enumerate() {
        let Fact::Accepted(node, event) = fact else {
            continue;
        };
        let until = at.after(DETECTION + Duration::from_secs(1));
        let end = story.facts.partition_point(|(at, _)| *at <= until);
        for (id, to) in event.deliveries() {
            let Some(endpoint) = story.endpoints.get(&to) else {
                continue;
            };
            let healthy = endpoint.url.contains("well") && !story.disturbed(*node, place, end);
            let calm = *at >= calm && endpoint.rate_limit.is_none();
            let requests = story.requests_of.get(&id).into_iter().flatten();
            let in_time = requests
                .map(|at| &story.requests[*at])
                .any(|request| request.place <= end);
            // It may have been cancelled before.
            let ended = story.ends.get(&id).is_some_and(|(at, _)| *at <= end);
            if (healthy || calm) && !in_time && !ended {
                let how = format!("{id} was not sent to {}", endpoint.url);
                broken.push((Some(place), how));
            }
        }
    }
    broken
}
