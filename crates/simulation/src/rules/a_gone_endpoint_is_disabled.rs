//! An endpoint that answers 410, and whose policy says so, is disabled within a moment.

use std::time::Duration;

use fanfare_testkit::memory_store::Change;

use super::{Broken, Rule};
use crate::chronicle::Fact;
use crate::story::{Story, closes};

pub(super) const RULE: Rule = Rule {
    says: "a gone endpoint is disabled",
    check,
};

/// The store may fail some times, and be slow, meanwhile.
const MOMENT: Duration = Duration::from_secs(30);

fn check(story: &Story<'_>) -> Vec<Broken> {
    let facts = &story.history.facts;
    let mut broken = Vec::new();
    for (number, request) in story.requests.iter().enumerate() {
        let (Some(id), Some((place, at, exchange))) = (request.endpoint, request.answer) else {
            continue;
        };
        let gone = exchange.error.is_none()
            && exchange
                .response
                .as_ref()
                .is_some_and(|response| response.status == 410);
        let heeds = story
            .endpoints
            .get(&id)
            .is_some_and(|known| known.policy.gone_disables);
        let had_ended = request
            .of
            .iter()
            .any(|id| story.deliveries[id].ended_before(place));
        if !gone || !heeds || had_ended || story.was_closed_before(id, place) {
            continue;
        }
        let after = facts[place..].iter();
        let soon = after.take_while(|(then, _)| *then <= at.after(MOMENT));
        let settled = soon.clone().any(|(_, fact)| match fact {
            Fact::Committed(Change::Document(changed)) => closes(changed) == Some(id),
            Fact::Closing(closed) => *closed == id,
            // The answer may be forgotten, and the endpoint is asked again.
            Fact::End { .. } => true,
            _ => false,
        });
        if !settled {
            let how = format!("#{number} was answered 410, and {id} is not disabled");
            broken.push((Some(place), how));
        }
    }
    broken
}
