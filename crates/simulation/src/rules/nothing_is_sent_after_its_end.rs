//! No request of a delivery begins after its end was committed.

use super::{Broken, Rule};
use crate::story::Story;

pub(super) const RULE: Rule = Rule {
    says: "nothing is sent after its end",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    for request in &story.messages {
        let ended = |id| story.deliveries[id].ended_before(request.place);
        if request.of.is_empty() {
            broken.push((Some(request.place), "is of no delivery".to_owned()));
        } else if request.of.iter().all(ended) {
            let how = format!("{} had ended", request.of[0]);
            broken.push((Some(request.place), how));
        }
    }
    broken
}
