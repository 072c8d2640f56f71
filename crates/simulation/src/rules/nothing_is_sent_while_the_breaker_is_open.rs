//! After so many failures in a row nothing is sent for a while, then one delivery at a time, at growing
//! intervals, until one arrives. Extra attempts pass; a change of the endpoint or a start begins anew.

use std::collections::{BTreeMap, BTreeSet};

use fanfare_domain::attempt::Trigger;
use fanfare_domain::breaker::BreakerRules;
use fanfare_domain::id::EndpointId;
use fanfare_testkit::memory_store::Change;

use super::{Broken, Rule};
use crate::breaker::{Answer, Standing};
use crate::chronicle::Fact;
use crate::story::{Request, Story, arrived, changes};

pub(super) const RULE: Rule = Rule {
    says: "nothing is sent while the breaker is open",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut all: BTreeMap<EndpointId, Standing> = BTreeMap::new();
    let mut made = BTreeSet::new();
    for (place, (now, fact)) in story.history.facts.iter().enumerate() {
        match fact {
            Fact::Sent(number, _) => {
                let request = &story.requests[*number];
                let Some(standing) = of(story, request).and_then(|(id, _)| all.get_mut(&id)) else {
                    continue;
                };
                if is_scheduled(request)
                    && let Some(how) = standing.sent(*number, *now)
                {
                    broken.push((Some(place), how));
                }
            }
            Fact::Answered(number, exchange) => {
                let request = &story.requests[*number];
                let Some((id, rules)) = of(story, request) else {
                    continue;
                };
                let answer = Answer {
                    request: *number,
                    began: request.at,
                    arrived: arrived(exchange),
                };
                let standing = all.entry(id).or_insert(Standing::CLOSED);
                standing.answered(rules, answer, *now);
            }
            // It may take what comes now, and how often it was probed is not known any more.
            Fact::Committed(Change::Document(changed)) => {
                if let Some(id) = changes(changed) {
                    let standing = match made.insert(id) {
                        true => Standing::CLOSED,
                        false => Standing::Unknown { lately: *now },
                    };
                    all.insert(id, standing);
                }
            }
            // Which may come to nothing.
            Fact::Opening(id) | Fact::Closing(id) => {
                all.insert(*id, Standing::Unknown { lately: *now });
            }
            Fact::Start => all.clear(),
            _ => {}
        }
    }
    broken
}

fn of<'a>(story: &'a Story<'_>, request: &Request<'_>) -> Option<(EndpointId, &'a BreakerRules)> {
    let id = request.endpoint?;
    let rules = story.endpoints.get(&id)?.policy.breaker.as_ref()?;
    Some((id, rules))
}

/// One that was never recorded may be an extra one, which passes.
fn is_scheduled(request: &Request<'_>) -> bool {
    request.recorded.map(|attempt| attempt.trigger) == Some(Trigger::Scheduled)
}
