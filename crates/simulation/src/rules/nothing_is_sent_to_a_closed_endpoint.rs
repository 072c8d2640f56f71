//! Once its owner was told that an endpoint is disabled or deleted, it gets nothing until somebody asks to
//! enable it.

use std::collections::HashSet;

use super::{Broken, Rule};
use crate::chronicle::Fact;
use crate::story::Story;

pub(super) const RULE: Rule = Rule {
    says: "nothing is sent to a closed endpoint",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    let mut closed = HashSet::new();
    let mut broken = Vec::new();
    for (place, (_, fact)) in story.history.facts.iter().enumerate() {
        match fact {
            Fact::Closed(id) => {
                closed.insert(*id);
            }
            Fact::Opening(id) => {
                closed.remove(id);
            }
            Fact::Sent(number, _) => {
                let endpoint = story.requests[*number].endpoint;
                if endpoint.is_some_and(|id| closed.contains(&id)) {
                    broken.push((Some(place), format!("{endpoint:?} is closed")));
                }
            }
            _ => {}
        }
    }
    broken
}
