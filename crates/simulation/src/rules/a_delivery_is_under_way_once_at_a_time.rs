//! Of one delivery there is at most one request under way.

use std::collections::HashMap;

use fanfare_domain::id::DeliveryId;

use super::{Broken, Rule};
use crate::chronicle::Fact;
use crate::story::{Request, Story};

pub(super) const RULE: Rule = Rule {
    says: "a delivery is under way once at a time",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    // By what is told apart on the network: the event and the endpoint. Its replays have the same.
    let mut under_way: HashMap<(&str, &str), Vec<(usize, &Request<'_>)>> = HashMap::new();
    let mut broken = Vec::new();
    for (place, (_, fact)) in story.history.facts.iter().enumerate() {
        match fact {
            Fact::Sent(number, _) => {
                for message in story.messages_in(*number) {
                    let way = (message.name.as_str(), message.sent.url.as_str());
                    let messages = under_way.entry(way).or_default();
                    messages.push((*number, message));
                    let open = |id: &DeliveryId| !story.deliveries[id].ended_before(place);
                    // One whose delivery was discarded meanwhile may be under way still.
                    let count = messages.iter().filter(|(_, each)| {
                        each.of.is_empty() || each.of == message.of || each.of.iter().any(open)
                    });
                    let count = count.count();
                    let alike = message.alike.iter().filter(|id| open(id)).count();
                    if count > alike.max(1) {
                        let how = format!("{:?} is under way {count} times", message.of);
                        broken.push((Some(place), how));
                    }
                }
            }
            Fact::Answered(number, _) => {
                for message in story.messages_in(*number) {
                    let way = (message.name.as_str(), message.sent.url.as_str());
                    if let Some(messages) = under_way.get_mut(&way) {
                        messages.retain(|(each, _)| each != number);
                    }
                }
            }
            Fact::End { .. } => under_way.clear(),
            _ => {}
        }
    }
    broken
}
