//! Of one delivery there is at most one request under way.

use std::collections::HashMap;

use super::{Broken, Rule};
use crate::chronicle::Fact;
use crate::story::Story;

pub(super) const RULE: Rule = Rule {
    says: "a delivery is under way once at a time",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    // By what is told apart on the network: the event and the endpoint. Its replays have the same.
    let mut under_way: HashMap<(&str, &str), usize> = HashMap::new();
    let mut broken = Vec::new();
    for (place, (_, fact)) in story.history.facts.iter().enumerate() {
        match fact {
            Fact::Sent(number, sent) => {
                let count = under_way
                    .entry((sent.webhook_id(), sent.url.as_str()))
                    .or_default();
                *count += 1;
                let alike = story.requests[*number].alike.iter();
                let open = alike.filter(|id| !story.deliveries[id].ended_before(place));
                if *count > open.count().max(1) {
                    let of = &story.requests[*number].of;
                    let how = format!("{of:?} is under way {count} times");
                    broken.push((Some(place), how));
                }
            }
            Fact::Answered(number, _) => {
                let sent = story.requests[*number].sent;
                let way = (sent.webhook_id(), sent.url.as_str());
                if let Some(count) = under_way.get_mut(&way) {
                    *count = count.saturating_sub(1);
                }
            }
            Fact::End { .. } => under_way.clear(),
            _ => {}
        }
    }
    broken
}
