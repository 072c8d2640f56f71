//! Over any span an endpoint gets at most its burst and what its rate makes of the span, over all lives of
//! the machine.

use std::collections::BTreeMap;

use fanfare_domain::rate::Per;

use super::{Broken, Rule};
use crate::story::Story;

pub(super) const RULE: Rule = Rule {
    says: "rates are kept",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    // For each endpoint the time, in microseconds, at which a steady stream at its rate would be used up.
    let mut used_up: BTreeMap<_, u128> = BTreeMap::new();
    for request in &story.requests {
        let limit = request.endpoint.and_then(|id| {
            let limit = story.endpoints.get(&id)?.rate_limit?;
            Some((id, limit))
        });
        let Some((id, limit)) = limit else { continue };
        let second = 1_000_000;
        let span = match limit.per {
            Per::Second => second,
            Per::Minute => 60 * second,
        };
        let interval = span / u128::from(limit.requests);
        let now = request.at.micros() as u128;
        let before = used_up.get(&id).copied().unwrap_or(0);
        let after = before.max(now) + interval;
        if after > now + interval * u128::from(limit.burst) {
            let how = format!("{id} gets more than {} a second", limit.requests);
            broken.push((Some(request.place), how));
        }
        used_up.insert(id, after);
    }
    broken
}
