//! When everything has ended, the engine holds nothing any more.

use super::{Broken, Rule};
use crate::story::Story;

pub(super) const RULE: Rule = Rule {
    says: "memory is empty at the end",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    let Some(held) = story.history.finals.footprint else {
        return vec![(None, "the run never came to its end".to_owned())];
    };
    if held.lanes + held.timers + held.payload_bytes + held.without_row == 0 {
        Vec::new()
    } else {
        vec![(None, format!("it holds {held:?}"))]
    }
}
