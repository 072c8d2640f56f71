//! What must hold in every run of several nodes.

use std::fmt;

use fanfare_domain::time::Timestamp;

use super::Fact;
use super::play::Finals;

mod batches;
mod breakers;
mod deliveries;
mod lanes;
mod nodes;
mod story;
mod time;
mod wishes;

use story::Story;

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// What the rule says.
    pub rule: &'static str,
    /// The fact that breaks it; none where something is missing.
    pub place: Option<usize>,
    /// How.
    pub how: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(place) => write!(f, "{:?} at {place}: {}", self.rule, self.how),
            None => write!(f, "{:?}: {}", self.rule, self.how),
        }
    }
}

type Facts = [(Timestamp, Fact)];

/// A place where a rule was broken, and how.
type Broken = (Option<usize>, String);

/// What each rule says, and what finds out where it is broken.
type Rule = (&'static str, fn(&Story<'_>) -> Vec<Broken>);

const RULES: [Rule; 12] = [
    (
        "every accepted delivery comes to its end",
        deliveries::all_end,
    ),
    ("nobody writes who was declared gone", nodes::gone_is_gone),
    ("nothing is sent against its order", lanes::order_holds),
    ("rates are kept", lanes::rates_hold),
    (
        "what arrived is sent again only where its node was disturbed",
        deliveries::nothing_arrives_twice,
    ),
    (
        "a delivery is under way once at a time, but where its node was disturbed",
        deliveries::under_way_once,
    ),
    ("what is due is sent in time", time::in_time),
    (
        "a batch keeps its members, whichever node sends it",
        batches::they_keep_their_members,
    ),
    (
        "nothing but a probe is sent while a node's breaker is open",
        breakers::only_probes_pass,
    ),
    (
        "nothing is sent after it was cancelled",
        wishes::nothing_after_cancelled,
    ),
    (
        "a job counts each delivery that it ended once",
        wishes::jobs_count_right,
    ),
    (
        "an extra attempt is made soon by whichever node can",
        wishes::extra_attempts_come,
    ),
];

/// Judges a run by every rule.
pub(super) fn judge(facts: &Facts, finals: &Finals) -> Vec<Breach> {
    let story = Story::of(facts, finals);
    let breaches = RULES.iter().flat_map(|(rule, check)| {
        let broken = check(&story).into_iter();
        broken.map(|(place, how)| Breach { rule, place, how })
    });
    breaches.collect()
}
