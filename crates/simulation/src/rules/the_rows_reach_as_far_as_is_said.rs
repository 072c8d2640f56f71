//! When the store keeps a position up to which all deliveries have their rows, they have them.

use std::collections::{BTreeMap, HashSet};

use fanfare_testkit::memory_store::Change;

use super::{Broken, Rule};
use crate::chronicle::Fact;
use crate::story::Story;

pub(super) const RULE: Rule = Rule {
    says: "the rows reach as far as is said",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    let mut events = BTreeMap::new();
    let mut rows = HashSet::new();
    let mut looked_at = 0;
    let mut broken = Vec::new();
    for (place, (_, fact)) in story.history.facts.iter().enumerate() {
        match fact {
            Fact::Committed(Change::Event(position, event)) => {
                events.insert(*position, event);
            }
            Fact::Committed(Change::Row(row)) => {
                rows.insert(row.id);
            }
            Fact::Committed(Change::Materialised(position)) => {
                // Lower only where a crash took commits with it, which another rule finds.
                let from = (looked_at + 1).min(*position);
                for (_, event) in events.range(from..=*position) {
                    for (id, _) in event.deliveries() {
                        if !rows.contains(&id) {
                            broken.push((Some(place), format!("{id} has no row")));
                        }
                    }
                }
                looked_at = *position;
            }
            _ => {}
        }
    }
    broken
}
