//! A delivery has no more replays than somebody asked for, those that jobs made aside; each is of a
//! delivery that had ended.

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
            replays.entry(of).or_default().push((*place, tale.job));
        }
    }
    for (of, made) in replays {
        let Some(tale) = story.deliveries.get(&of) else {
            broken.push((Some(made[0].0), format!("repeats {of}, which is unknown")));
            continue;
        };
        let by_hand = made.iter().filter(|(_, job)| job.is_none()).count();
        let made: Vec<_> = made.iter().map(|(place, _)| *place).collect();
        if by_hand > tale.asked.len() {
            let how = format!("{of} has {by_hand} replays, asked for were fewer");
            broken.push((made.last().copied(), how));
        }
        if !tale.ended_before(made[0]) {
            broken.push((Some(made[0]), format!("repeats {of}, which had not ended")));
        }
    }
    broken
}
