//! Somebody who was told that a delivery gets an extra attempt sees one soon, while nothing fails. At an
//! endpoint with a rate it may have to wait for its turn, however long that is, and one that stands in an
//! order gets none before those that stand before it have ended.

use std::time::Duration;

use fanfare_domain::order::Ordering;

use super::{Broken, Rule};
use crate::chronicle::Fact;
use crate::story::lines::Lines;
use crate::story::{Place, Story};

pub(super) const RULE: Rule = Rule {
    says: "an extra attempt is made soon",
    check,
};

/// Those before it in its lane take their time.
const SOON: Duration = Duration::from_secs(20);

fn check(story: &Story<'_>) -> Vec<Broken> {
    let lines = Lines::of(story);
    let mut broken = Vec::new();
    for (place, (at, fact)) in story.history.facts.iter().enumerate() {
        let Fact::GotExtra(id) = fact else { continue };
        let Some(tale) = story.deliveries.get(id) else {
            continue;
        };
        let until = at.after(SOON);
        let facts = story.history.facts.iter().enumerate().skip(place);
        let soon = facts.take_while(|(_, (then, _))| *then <= until);
        let sent = soon.clone().any(|(_, (_, fact))| {
            matches!(fact, Fact::Sent(number, _) if story.requests[*number].of.contains(id))
        });
        // One that is under way counts, and one whose end nobody could know of yet.
        let asked = asked(tale.asked.iter(), place);
        let under_way = story.messages_of(*id).any(|request| {
            let answered = request.answer.map(|(answered, _, _)| answered);
            request.place < place && answered.is_none_or(|answered| answered > asked)
        });
        let unrecorded = tale
            .attempts
            .iter()
            .any(|(recorded, attempt)| *recorded > asked && attempt.started_at <= story.at(asked));
        let ended = tale
            .rows
            .iter()
            .any(|(at, row)| row.state.ended() && story.at(*at) <= until);
        // Without a row it is on its way for the first time.
        let first = tale.rows.iter().all(|(at, _)| *at > place);
        let disturbed = soon
            .clone()
            .any(|(_, (_, fact))| matches!(fact, Fact::End { .. } | Fact::Trouble(_)));
        let limited = tale
            .rows
            .iter()
            .filter_map(|(_, row)| story.endpoints.get(&row.endpoint))
            .any(|endpoint| endpoint.rate_limit.is_some());
        // One that came to stand in an order gets none, unless it is the first of it.
        let reordered = story.endpoints.get(&tale.endpoint).is_some_and(|known| {
            let mut orders = known.orders.iter();
            orders.any(|(at, ordering, _)| {
                let lately = tale.asked.first().is_some_and(|asked| asked < at);
                *ordering != Ordering::Unordered && lately && story.at(*at) <= until
            })
        });
        let behind = lines
            .before(*id, place)
            .any(|before| !story.deliveries[&before].ended_before(place));
        if !limited
            && !behind
            && !reordered
            && !sent
            && !first
            && !under_way
            && !unrecorded
            && !ended
            && !disturbed
            && quiet_before(story, place)
        {
            broken.push((Some(place), format!("{id} got none within {SOON:?}")));
        }
    }
    broken
}

/// Where the last asking before a place was.
fn asked<'a>(asked: impl Iterator<Item = &'a Place>, place: Place) -> Place {
    asked
        .filter(|each| **each < place)
        .max()
        .copied()
        .unwrap_or(place)
}

/// Whether the store was well before a place.
fn quiet_before(story: &Story<'_>, place: Place) -> bool {
    let before = story.history.facts[..place].iter().rev();
    let mut known = before.filter_map(|(_, fact)| match fact {
        Fact::Trouble(text) if text.starts_with("the store") => Some(text.ends_with("is well")),
        Fact::Start => Some(true),
        _ => None,
    });
    known.next().unwrap_or(true)
}
