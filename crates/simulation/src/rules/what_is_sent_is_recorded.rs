//! A request that was answered is recorded as an attempt, unless the machine went down in between.

use super::{Broken, Rule};
use crate::story::Story;

pub(super) const RULE: Rule = Rule {
    says: "what is sent is recorded",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    for request in &story.messages {
        if request.recorded.is_none() && !story.goes_down_after(request.place) {
            let how = format!("{} of {:?} is not recorded", request.name, request.of);
            broken.push((Some(request.place), how));
        }
    }
    for (id, tale) in &story.deliveries {
        let at_the_end = story.history.finals.attempts.get(id);
        let at_the_end = at_the_end.map_or(0, Vec::len);
        if at_the_end != tale.attempts.len() {
            let committed = tale.attempts.len();
            let how = format!("{id}: {committed} attempts committed, {at_the_end} at the end");
            broken.push((None, how));
        }
    }
    broken
}
