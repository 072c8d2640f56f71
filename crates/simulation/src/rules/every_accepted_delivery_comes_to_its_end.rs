//! Every delivery of an event whose publisher was told that it is accepted, and every replay whose asker
//! was told that it is made, is there at the end of the run and has ended; and so has everything else that
//! waited.

use super::{Broken, Rule};
use crate::chronicle::Fact;
use crate::story::Story;

pub(super) const RULE: Rule = Rule {
    says: "every accepted delivery comes to its end",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    let finals = &story.history.finals;
    let mut broken = Vec::new();
    let mut wanted = Vec::new();
    for (place, event) in story.accepted() {
        if !finals.events.contains(&event.id) {
            broken.push((Some(place), format!("{} is not in the log", event.id)));
        }
        wanted.extend(event.deliveries().map(|(id, _)| (place, id)));
    }
    for (place, (_, fact)) in story.history.facts.iter().enumerate() {
        if let Fact::GotReplay { made, .. } = fact {
            wanted.push((place, *made));
        }
    }
    let waiting = finals.rows.values().filter(|row| !row.state.ended());
    wanted.extend(waiting.map(|row| (0, row.id)));
    for (place, id) in wanted {
        match finals.rows.get(&id) {
            None => broken.push((Some(place), format!("{id} is lost"))),
            Some(row) if !row.state.ended() => {
                broken.push((Some(place), format!("{id} never ended: {:?}", row.state)));
            }
            Some(_) => {}
        }
    }
    broken
}
