//! Of one delivery there is at most one request under way.

use std::collections::HashMap;

use fanfare_domain::id::DeliveryId;

use super::{Broken, Rule};
use crate::chronicle::Fact;
use crate::story::Story;

pub(super) const RULE: Rule = Rule {
    says: "a delivery is under way once at a time",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    // By what is told apart on the network: the event and the endpoint. Its replays have the same.
    let mut under_way: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    let mut broken = Vec::new();
    for (place, (_, fact)) in story.history.facts.iter().enumerate() {
        match fact {
            Fact::Sent(number, sent) => {
                let requests = under_way
                    .entry((sent.webhook_id(), sent.url.as_str()))
                    .or_default();
                requests.push(*number);
                let open = |id: &DeliveryId| !story.deliveries[id].ended_before(place);
                // One whose delivery was discarded meanwhile may be under way still.
                let count = requests.iter().filter(|number| {
                    let of = &story.requests[**number].of;
                    of.is_empty()
                        || *of == story.requests[requests[requests.len() - 1]].of
                        || of.iter().any(open)
                });
                let count = count.count();
                let alike = story.requests[*number].alike.iter();
                let alike = alike.filter(|id| open(id)).count();
                if count > alike.max(1) {
                    let of = &story.requests[*number].of;
                    let how = format!("{of:?} is under way {count} times");
                    broken.push((Some(place), how));
                }
            }
            Fact::Answered(number, _) => {
                let sent = story.requests[*number].sent;
                let way = (sent.webhook_id(), sent.url.as_str());
                if let Some(requests) = under_way.get_mut(&way) {
                    requests.retain(|each| each != number);
                }
            }
            Fact::End { .. } => under_way.clear(),
            _ => {}
        }
    }
    broken
}
