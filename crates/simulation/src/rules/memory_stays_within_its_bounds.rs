//! The engine holds no more payloads than its setting says and what each lane may read besides, and one
//! timer for each endpoint.

use fanfare_testkit::memory_store::Change;

use super::{Broken, Rule};
use crate::chronicle::Fact;
use crate::story::Story;

pub(super) const RULE: Rule = Rule {
    says: "memory stays within its bounds",
    check,
};

/// What an event takes besides its data.
const OVERHEAD: usize = 512;
/// The fewest deliveries that a lane reads, and the most.
const READ: (usize, usize) = (4, 64);

fn check(story: &Story<'_>) -> Vec<Broken> {
    let facts = &story.history.facts;
    let largest = facts.iter().filter_map(|(_, fact)| match fact {
        Fact::Committed(Change::Event(_, event)) => Some(2 * event.data.len() + OVERHEAD),
        _ => None,
    });
    let largest = largest.max().unwrap_or(0);
    let options = &story.history.options;
    let batches = story.endpoints.values();
    let batch = batches.map(|known| known.largest_batch_before(facts.len()));
    let read = (2 * options.lane_concurrency_most).clamp(READ.0, READ.1);
    // The last of what is read may be a whole batch.
    let read = read + batch.max().unwrap_or(0);
    let mut broken = Vec::new();
    for (place, (_, fact)) in facts.iter().enumerate() {
        let Fact::Holds(held) = fact else { continue };
        // What a lane reads while memory is short comes on top, and one event that came when it was not.
        let most = options.memory_bytes + largest * (1 + held.lanes * read);
        if held.payload_bytes > most {
            let how = format!("{} bytes of payloads, {most} at most", held.payload_bytes);
            broken.push((Some(place), how));
        }
        if held.timers > story.endpoints.len() {
            let endpoints = story.endpoints.len();
            let how = format!("{} timers for {endpoints} endpoints", held.timers);
            broken.push((Some(place), how));
        }
    }
    broken
}
