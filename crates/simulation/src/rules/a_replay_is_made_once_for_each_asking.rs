//! A delivery has no more replays than somebody asked for, each of a delivery that had ended.

use std::collections::BTreeMap;

use super::{Broken, Rule};
use crate::story::Story;

pub(super) const RULE: Rule = Rule {
    says: "a replay is made once for each asking",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut replays: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for tale in story.deliveries.values() {
        if let Some((place, row)) = tale.rows.first()
            && let Some(of) = row.replay_of
        {
            replays.entry(of).or_default().push(*place);
        }
    }
    for (of, made) in replays {
        let Some(tale) = story.deliveries.get(&of) else {
            broken.push((Some(made[0]), format!("repeats {of}, which is unknown")));
            continue;
        };
        if made.len() > tale.asked.len() {
            let how = format!("{of} has {} replays, asked for were fewer", made.len());
            broken.push((made.last().copied(), how));
        }
        if !tale.ended_before(made[0]) {
            broken.push((Some(made[0]), format!("repeats {of}, which had not ended")));
        }
    }
    broken
}
