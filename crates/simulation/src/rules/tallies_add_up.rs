//! The tallies of an endpoint add up to its attempts and its ends.

use super::{Broken, Rule};
use crate::story::Story;

pub(super) const RULE: Rule = Rule {
    says: "tallies add up",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    let finals = &story.history.finals;
    let mut broken = Vec::new();
    for (endpoint, tallies) in &finals.tallies {
        let tallied = tallies.iter().fold((0, 0), |(ends, attempts), tally| {
            (
                ends + tally.delivered + tally.failed + tally.discarded,
                attempts + tally.succeeded + tally.unsuccessful,
            )
        });
        let rows = || finals.rows.values().filter(|row| row.endpoint == *endpoint);
        let ends = rows().filter(|row| row.state.ended()).count() as u64;
        let attempts = rows().filter_map(|row| finals.attempts.get(&row.id));
        let attempts = attempts.map(Vec::len).sum::<usize>() as u64;
        if tallied != (ends, attempts) {
            let how = format!("{endpoint}: {ends} ends, {attempts} attempts, tallied {tallied:?}");
            broken.push((None, how));
        }
    }
    broken
}
