//! An endpoint has never more requests under way than a lane may have.

use std::collections::HashMap;

use super::{Broken, Rule};
use crate::chronicle::Fact;
use crate::story::Story;

pub(super) const RULE: Rule = Rule {
    says: "requests at a time stay within the limit",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    let most = story.history.options.lane_concurrency_most;
    let mut under_way: HashMap<_, usize> = HashMap::new();
    let mut broken = Vec::new();
    for (place, (_, fact)) in story.history.facts.iter().enumerate() {
        match fact {
            Fact::Sent(_, sent) => {
                let count = under_way.entry(sent.url.as_str()).or_default();
                *count += 1;
                if *count > most {
                    let how = format!("{} has {count} requests under way", sent.url);
                    broken.push((Some(place), how));
                }
            }
            Fact::Answered(number, _) => {
                let url = story.requests[*number].sent.url.as_str();
                if let Some(count) = under_way.get_mut(url) {
                    *count = count.saturating_sub(1);
                }
            }
            Fact::End { .. } => under_way.clear(),
            _ => {}
        }
    }
    broken
}
