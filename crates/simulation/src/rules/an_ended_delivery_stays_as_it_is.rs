//! The row of a delivery that ended is never written again, and is the same at the end of the run.

use fanfare_domain::delivery::Delivery;

use super::{Broken, Rule};
use crate::story::Story;

pub(super) const RULE: Rule = Rule {
    says: "an ended delivery stays as it is",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (id, tale) in &story.deliveries {
        for pair in tale.rows.windows(2) {
            let ((_, before), (place, after)) = (pair[0], pair[1]);
            if before.state.ended() {
                let how = format!("{id} was {:?} and became {:?}", before.state, after.state);
                broken.push((Some(place), how));
            }
        }
        if let Some((place, last)) = tale.rows.last()
            && story.history.finals.rows.get(id).map(but_for_its_turn)
                != Some(but_for_its_turn(last))
        {
            let how = format!("{id} is not at the end what was committed here");
            broken.push((Some(*place), how));
        }
    }
    broken
}

/// A new order gives what waits new turns, and a hold is lifted, both without a change of the row.
fn but_for_its_turn(row: &Delivery) -> Delivery {
    Delivery {
        turn: None,
        ..row.clone()
    }
}
