//! No request of a delivery begins before each that stands before it in its order has ended, or has arrived
//! within the same life of the machine, or goes before it in the same batch. After a change of an endpoint's ordering this holds for what is
//! published from then on.

use fanfare_domain::id::DeliveryId;

use super::{Broken, Rule};
use crate::story::lines::Lines;
use crate::story::{Place, Story, arrived};

pub(super) const RULE: Rule = Rule {
    says: "nothing is sent against its order",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    let lines = Lines::of(story);
    let mut broken = Vec::new();
    for (number, request) in story.messages.iter().enumerate() {
        // One that may be of a replay is not judged: those stand outside.
        let [id] = request.of.as_slice() else {
            continue;
        };
        for before in lines.before(*id, request.place) {
            let tale = &story.deliveries[&before];
            if !tale.ended_before(request.place)
                && !has_arrived(story, before, request.place)
                && !goes_before(story, before, number)
            {
                let how = format!("{id} was sent before {before} had ended");
                broken.push((Some(request.place), how));
            }
        }
    }
    broken
}

/// Whether a delivery had arrived before a request in the same life.
fn has_arrived(story: &Story<'_>, id: DeliveryId, now: Place) -> bool {
    let ends = story.ends.iter().rev();
    let begin = ends.copied().find(|end| *end < now).unwrap_or(0);
    story.messages_of(id).any(|request| {
        let answer = request.answer.as_ref();
        request.place > begin
            && answer.is_some_and(|(at, _, exchange)| *at < now && arrived(exchange))
    })
}

/// Whether a delivery stands before a message in the same request.
fn goes_before(story: &Story<'_>, id: DeliveryId, number: usize) -> bool {
    let now = story.messages[number].place;
    let before = story.messages[..number].iter().rev();
    let mut with_it = before.take_while(|message| message.place == now);
    with_it.any(|message| message.of.contains(&id))
}
