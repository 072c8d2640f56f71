//! All endpoints together have never more requests under way than there are slots, and retries leave those
//! that are reserved for first attempts.

use std::collections::BTreeSet;

use super::{Broken, Rule};
use crate::chronicle::Fact;
use crate::story::Story;

pub(super) const RULE: Rule = Rule {
    says: "requests in all stay within the limit",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    let options = &story.history.options;
    let for_retries = options.requests_in_all - options.requests_reserved;
    let mut under_way = BTreeSet::new();
    let mut retries = BTreeSet::new();
    let mut broken = Vec::new();
    for (place, (_, fact)) in story.history.facts.iter().enumerate() {
        match fact {
            Fact::Sent(number, _) => {
                under_way.insert(*number);
                if story.requests[*number].retries {
                    retries.insert(*number);
                }
                if under_way.len() > options.requests_in_all {
                    broken.push((Some(place), format!("{} are under way", under_way.len())));
                }
                if retries.len() > for_retries {
                    broken.push((
                        Some(place),
                        format!("{} retries are under way", retries.len()),
                    ));
                }
            }
            Fact::Answered(number, _) => {
                under_way.remove(number);
                retries.remove(number);
            }
            Fact::End { .. } => {
                under_way.clear();
                retries.clear();
            }
            _ => {}
        }
    }
    broken
}
