//! No attempt begins before it is due, unless somebody asked for an extra one; and no more extra ones are
//! made than were asked for.

use fanfare_domain::attempt::Trigger;
use fanfare_domain::id::DeliveryId;

use super::{Broken, Rule};
use crate::story::{Request, Story};

pub(super) const RULE: Rule = Rule {
    says: "nothing is sent before its time",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    for request in &story.messages {
        if !request.of.is_empty() && !request.of.iter().any(|id| in_time(story, request, *id)) {
            let how = format!("{} was sent at {}, too early", request.of[0], request.at);
            broken.push((Some(request.place), how));
        }
    }
    for (id, tale) in &story.deliveries {
        let extra = tale.attempts.iter();
        let extra = extra.filter(|(_, attempt)| attempt.trigger == Trigger::Manual);
        let extra = extra.count();
        if extra > tale.asked.len() {
            let how = format!("{id} had {extra} extra attempts, asked for were fewer");
            broken.push((None, how));
        }
    }
    broken
}

/// Whether a request that is of this delivery was in its time.
fn in_time(story: &Story<'_>, request: &Request<'_>, id: DeliveryId) -> bool {
    let tale = &story.deliveries[&id];
    let Some(known) = story.endpoints.get(&tale.endpoint) else {
        return true;
    };
    let asked = tale.asked.iter().any(|place| *place < request.place);
    match request.recorded.map(|attempt| attempt.trigger) {
        Some(Trigger::Manual) => asked,
        Some(Trigger::Scheduled) => tale
            .due_before(request.place, &known.policy)
            .is_none_or(|due| due <= request.at),
        None => {
            asked
                || tale
                    .due_before(request.place, &known.policy)
                    .is_some_and(|due| due <= request.at)
        }
    }
}
