//! The attempts of a delivery are numbered from 1 without a gap, in the order in which they began, and its
//! row counts them; but for one that was under way when it was discarded.

use fanfare_domain::delivery::StateName;

use super::{Broken, Rule};
use crate::story::Story;

pub(super) const RULE: Rule = Rule {
    says: "attempts are numbered without gaps",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (id, attempts) in &story.history.finals.attempts {
        let mut before = None;
        for (attempt, number) in attempts.iter().zip(1u16..) {
            if attempt.id.number() != number {
                broken.push((None, format!("{id} has no attempt {number}")));
                break;
            }
            if before.is_some_and(|before| attempt.started_at < before) {
                broken.push((None, format!("{id}: attempt {number} began too soon")));
            }
            before = Some(attempt.started_at);
        }
        let Some(row) = story.history.finals.rows.get(id) else {
            continue;
        };
        let counted = usize::from(row.attempts);
        let discarded = row.state.name() == StateName::Discarded;
        if counted != attempts.len() && !(discarded && counted + 1 == attempts.len()) {
            let how = format!(
                "{id} has {} attempts, its row counts {counted}",
                attempts.len()
            );
            broken.push((None, how));
        }
    }
    broken
}
