//! What holds of nodes.

use std::collections::HashSet;

use super::Broken;
use super::story::Story;
use crate::fleet::Fact;

pub(super) fn gone_is_gone(story: &Story<'_>) -> Vec<Broken> {
    let mut gone = HashSet::new();
    let mut broken = Vec::new();
    for (place, (_, fact)) in story.facts.iter().enumerate() {
        match fact {
            Fact::Gone(node) => {
                gone.insert(*node);
            }
            Fact::Wrote(node) if gone.contains(node) => {
                broken.push((Some(place), format!("node {node} writes")));
            }
            _ => {}
        }
    }
    broken
}
