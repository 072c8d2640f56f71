//! A publisher is told that an event is accepted only after the event was committed.

use std::collections::HashSet;

use fanfare_testkit::memory_store::Change;

use super::{Broken, Rule};
use crate::chronicle::Fact;
use crate::story::Story;

pub(super) const RULE: Rule = Rule {
    says: "what is accepted was committed before",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    let mut committed = HashSet::new();
    let mut broken = Vec::new();
    for (place, (_, fact)) in story.history.facts.iter().enumerate() {
        match fact {
            Fact::Committed(Change::Event(_, event)) => {
                committed.insert(event.id);
            }
            Fact::Accepted(event) if !committed.contains(&event.id) => {
                broken.push((Some(place), format!("{} was not committed", event.id)));
            }
            _ => {}
        }
    }
    broken
}
