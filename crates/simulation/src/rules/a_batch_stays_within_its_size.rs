//! A batch has at most as many events as its endpoint wants, or wanted at some time before.

use super::{Broken, Rule};
use crate::story::Story;

pub(super) const RULE: Rule = Rule {
    says: "a batch stays within its size",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (batch, (place, members)) in &story.batches {
        let endpoint = members.first().and_then(|id| story.deliveries.get(id));
        let known = endpoint.and_then(|tale| story.endpoints.get(&tale.endpoint));
        let most = known.map_or(0, |known| known.largest_batch_before(*place));
        if members.len() > most {
            let how = format!("{batch} has {} events, {most} at most", members.len());
            broken.push((Some(*place), how));
        }
    }
    broken
}
