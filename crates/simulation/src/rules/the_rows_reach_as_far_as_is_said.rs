//! When the store keeps a position up to which all deliveries have their rows, they have them.

use std::collections::{BTreeMap, HashSet};

use fanfare_app::port::log::Position;
use fanfare_domain::id::DeliveryId;
use fanfare_testkit::memory_store::Change;

use super::{Broken, Rule};
use crate::chronicle::Fact;
use crate::story::{Place, Story};

pub(super) const RULE: Rule = Rule {
    says: "the rows reach as far as is said",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    let mut events = BTreeMap::new();
    let mut commits = Vec::new();
    // In order, so that a power failure can take back the last ones.
    let mut rows: Vec<(Place, DeliveryId)> = Vec::new();
    let mut said: Vec<(Place, Position)> = Vec::new();
    let mut broken = Vec::new();
    for (place, (_, fact)) in story.history.facts.iter().enumerate() {
        if matches!(fact, Fact::Committed(_)) {
            commits.push(place);
        }
        match fact {
            Fact::Committed(Change::Event(position, event)) => {
                events.insert(*position, event);
            }
            Fact::Committed(Change::Row(row)) => rows.push((place, row.id)),
            Fact::Committed(Change::Materialised(position)) => {
                // Lower only where a crash took commits with it, which another rule finds.
                let from = said.last().map_or(1, |(_, last)| last + 1);
                let known: HashSet<_> = rows.iter().map(|(_, id)| *id).collect();
                for (_, event) in events.range(from.min(*position)..=*position) {
                    for (id, _) in event.deliveries() {
                        if !known.contains(&id) {
                            broken.push((Some(place), format!("{id} has no row")));
                        }
                    }
                }
                said.push((place, *position));
            }
            Fact::Undone(count) => {
                let kept = commits.len().saturating_sub(*count);
                if let Some(first) = commits.get(kept).copied() {
                    rows.retain(|(place, _)| *place < first);
                    said.retain(|(place, _)| *place < first);
                }
                commits.truncate(kept);
            }
            _ => {}
        }
    }
    broken
}
