//! What goes in a batch was bound to it before, goes in its order and under its id, over all lives of the
//! machine, and by itself only when somebody asks for it. Only what comes to its end is left out.

use std::collections::HashMap;

use fanfare_domain::attempt::Trigger;
use fanfare_domain::id::{BatchId, DeliveryId};

use super::{Broken, Rule};
use crate::story::{Place, Request, Story};

pub(super) const RULE: Rule = Rule {
    says: "a batch keeps its members",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut batch_of = HashMap::new();
    for (batch, (place, members)) in &story.batches {
        for id in members {
            if let Some(other) = batch_of.insert(*id, (*place, *batch)) {
                broken.push((Some(*place), format!("{id} is of {} as well", other.1)));
            }
        }
    }
    for (number, request) in story.requests.iter().enumerate() {
        let messages = story.messages_in(number);
        let how = match request.batch {
            Some(batch) => in_batch(story, batch, request, messages),
            None => alone(&batch_of, request),
        };
        broken.extend(how.map(|how| (Some(request.place), how)));
    }
    broken
}

/// What is wrong with a request with a batch.
fn in_batch(
    story: &Story<'_>,
    name: &str,
    request: &Request<'_>,
    messages: &[Request<'_>],
) -> Option<String> {
    let batch = BatchId::parse(name).ok();
    let Some((bound, members)) = batch.and_then(|batch| story.batches.get(&batch)) else {
        return Some(format!("{name} was never bound"));
    };
    if *bound > request.place {
        return Some(format!("{name} was sent before it was bound"));
    }
    // Its messages are its members in their order, but for those that have ended.
    let mut messages = messages.iter().peekable();
    for member in members {
        if messages.next_if(|each| each.of.contains(member)).is_none()
            // A power failure may take its end back later.
            && !story.deliveries[member].ended_before(request.place)
            && goes_on(story, *member, request.place)
        {
            return Some(format!("{member} was left out of {name}"));
        }
    }
    let stranger = messages.next()?;
    Some(format!(
        "{} is none of {name}, or out of its order",
        stranger.name
    ))
}

/// Whether attempts of a delivery's schedule were made after a place.
fn goes_on(story: &Story<'_>, id: DeliveryId, now: Place) -> bool {
    let mut later = story.messages_of(id).filter(|each| each.place > now);
    later.any(|each| {
        let recorded = each.recorded.filter(|attempt| attempt.id.delivery() == id);
        recorded.is_some_and(|attempt| attempt.trigger == Trigger::Scheduled)
    })
}

/// What is wrong with a request of a single delivery.
fn alone(
    batch_of: &HashMap<DeliveryId, (Place, BatchId)>,
    request: &Request<'_>,
) -> Option<String> {
    let ([id], Some(attempt)) = (request.of.as_slice(), request.recorded) else {
        return None;
    };
    let (bound, batch) = batch_of.get(id)?;
    let by_itself = attempt.trigger == Trigger::Scheduled && *bound < request.place;
    by_itself.then(|| format!("{id} of {batch} was sent by itself"))
}
