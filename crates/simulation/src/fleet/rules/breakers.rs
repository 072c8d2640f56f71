//! What holds of breakers, of which each node has its own: while one is open a node sends nothing, but for a
//! probe at its time. What it hears of others opens a closed one for a probe that is due at once.

use std::collections::{BTreeMap, BTreeSet};

use fanfare_app::nodes::NodeId;
use fanfare_domain::breaker::BreakerRules;
use fanfare_domain::id::EndpointId;

use super::Broken;
use super::story::Story;
use crate::breaker::{Answer, Standing};
use crate::fleet::Fact;

pub(super) fn only_probes_pass(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut all: BTreeMap<(NodeId, EndpointId), Standing> = BTreeMap::new();
    let mut asked = BTreeSet::new();
    let answers: BTreeMap<usize, usize> = (story.requests.iter().enumerate())
        .filter_map(|(number, request)| Some((request.answered?.0, number)))
        .collect();
    let mut number = 0;
    for (place, (now, fact)) in story.facts.iter().enumerate() {
        match fact {
            Fact::Asked(_, delivery) => {
                asked.insert(*delivery);
            }
            Fact::Sent { .. } => {
                let request = &story.requests[number];
                // Somebody asked for it, which passes.
                let extra = request.deliveries.iter().any(|id| asked.contains(id));
                if rules(story, request.endpoint).is_some() && !extra {
                    let standing = all.entry((request.node, request.endpoint));
                    let standing = standing.or_insert(Standing::CLOSED);
                    if let Some(how) = standing.sent(number, *now) {
                        let how = format!("node {} sends, {how}", request.node);
                        broken.push((Some(place), how));
                    }
                }
                number += 1;
            }
            Fact::Answered(..) => {
                let Some(request) = answers.get(&place) else {
                    continue;
                };
                let (number, request) = (*request, &story.requests[*request]);
                if let Some(rules) = rules(story, request.endpoint) {
                    let standing = all.entry((request.node, request.endpoint));
                    let answer = Answer {
                        request: number,
                        began: story.at(request.place),
                        arrived: request.answered.is_some_and(|(_, taken)| taken),
                    };
                    let standing = standing.or_insert(Standing::CLOSED);
                    standing.answered(&rules, answer, *now);
                }
            }
            Fact::Heard(node, endpoint, news) => {
                let standing = all.entry((*node, *endpoint));
                standing.or_insert(Standing::CLOSED).heard(*news, *now);
            }
            Fact::Disturbed(node, _) | Fact::Recovered(node) => {
                for endpoint in story.endpoints.keys() {
                    all.insert((*node, *endpoint), Standing::Unknown { lately: *now });
                }
            }
            _ => {}
        }
    }
    broken
}

fn rules(story: &Story<'_>, endpoint: EndpointId) -> Option<BreakerRules> {
    let breaker = story.endpoints.get(&endpoint)?.policy.breaker.as_ref()?;
    breaker.over(Some(&BreakerRules::native()))
}
