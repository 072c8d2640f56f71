//! What holds of each delivery: it is not lost, and not sent twice without need.

use super::Broken;
use super::story::Story;
use crate::fleet::Fact;

pub(super) fn all_end(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (place, (_, fact)) in story.facts.iter().enumerate() {
        let Fact::Accepted(_, event) = fact else {
            continue;
        };
        for (id, _) in event.deliveries() {
            match story.finals.get(&id) {
                None => broken.push((Some(place), format!("{id} is lost"))),
                Some(row) if !row.state.ended() => {
                    broken.push((Some(place), format!("{id} never ended: {:?}", row.state)));
                }
                Some(_) => {}
            }
        }
    }
    // Those that repeat others.
    let repeats = story.finals.values().filter(|row| row.replay_of.is_some());
    for row in repeats.filter(|row| !row.state.ended()) {
        broken.push((None, format!("{} never ended: {:?}", row.id, row.state)));
    }
    broken
}

pub(super) fn nothing_arrives_twice(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (request, delivery, before) in story.with_earlier() {
        let unexplained = before.iter().find(|before| {
            let taken = before
                .answered
                .is_some_and(|(at, taken)| taken && at < request.place);
            taken && !story.disturbed(before.node, before.place, request.place)
        });
        if let Some(before) = unexplained {
            let how = format!("{delivery} had arrived through node {}", before.node);
            broken.push((Some(request.place), how));
        }
    }
    broken
}

pub(super) fn under_way_once(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (request, delivery, before) in story.with_earlier() {
        let unexplained = before.iter().find(|before| {
            let under_way = before.answered.is_none_or(|(at, _)| at > request.place);
            under_way && !story.disturbed(before.node, before.place, request.place)
        });
        if let Some(before) = unexplained {
            let how = format!("{delivery} is under way through node {}", before.node);
            broken.push((Some(request.place), how));
        }
    }
    broken
}
