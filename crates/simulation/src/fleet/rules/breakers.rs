//! What holds of breakers, of which each node has its own: while one is open a node sends nothing, but for a
//! probe at its time. What it hears of others opens a closed one for a probe that is due at once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fanfare_app::nodes::NodeId;
use fanfare_app::port::coordination::BreakerNews;
use fanfare_domain::breaker::BreakerPatch;
use fanfare_domain::id::EndpointId;
use fanfare_domain::time::Timestamp;

use super::Broken;
use super::story::{Request, Story};
use crate::fleet::Fact;

/// Chance takes at most a fifth off a wait.
const LEAST: f64 = 0.8;

/// How a node's breaker stands, as far as can be said.
#[derive(Clone, Copy)]
enum Standing {
    Closed {
        failures: u32,
    },
    /// The node was not itself, so it learned of answers later than they came. What began after this says
    /// how it stands.
    Unknown {
        lately: Timestamp,
    },
    Open {
        since: Timestamp,
        probes: u32,
        until: Timestamp,
        /// Nothing was found out since it was heard of another one.
        hearsay: bool,
    },
    /// A request finds out.
    Probing {
        since: Timestamp,
        probes: u32,
        request: usize,
    },
}

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
                    let standing = standing.or_insert(Standing::Closed { failures: 0 });
                    if let Some(how) = sent(standing, number, *now) {
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
                    let standing = standing.or_insert(Standing::Closed { failures: 0 });
                    let began = story.at(request.place);
                    *standing = answered(*standing, rules, (number, request), began, *now);
                }
            }
            Fact::Heard(node, endpoint, news) => {
                let standing = all.entry((*node, *endpoint));
                let standing = standing.or_insert(Standing::Closed { failures: 0 });
                *standing = heard(*standing, *news, *now);
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

fn rules<'a>(story: &Story<'a>, endpoint: EndpointId) -> Option<&'a BreakerPatch> {
    let breaker = story.endpoints.get(&endpoint)?.policy.breaker.as_ref()?;
    (breaker.enabled != Some(false)).then_some(breaker)
}

/// A request is sent; answers what is wrong with it.
fn sent(standing: &mut Standing, number: usize, now: Timestamp) -> Option<String> {
    match *standing {
        Standing::Closed { .. } | Standing::Unknown { .. } => None,
        Standing::Open { until, .. } if now < until => Some(format!("open until {until}")),
        Standing::Open { since, probes, .. } => {
            *standing = Standing::Probing {
                since,
                probes,
                request: number,
            };
            None
        }
        Standing::Probing { request, .. } => Some(format!("#{request} finds out")),
    }
}

fn answered(
    standing: Standing,
    rules: &BreakerPatch,
    (number, request): (usize, &Request),
    began: Timestamp,
    now: Timestamp,
) -> Standing {
    let arrived = request.answered.is_some_and(|(_, taken)| taken);
    let open = |since, probes: u32| {
        let first = rules.first_wait.unwrap_or_default();
        let longest = rules.longest_wait.unwrap_or_default();
        let factor = 1u32.checked_shl(probes).unwrap_or(u32::MAX);
        let wait: Duration = first.saturating_mul(factor).min(longest.max(first));
        Standing::Open {
            since,
            probes,
            until: now.after(wait.mul_f64(LEAST)),
            hearsay: false,
        }
    };
    match standing {
        Standing::Closed { .. } if arrived => Standing::Closed { failures: 0 },
        Standing::Closed { failures } if failures + 1 < rules.failures.unwrap_or(u32::MAX) => {
            Standing::Closed {
                failures: failures + 1,
            }
        }
        Standing::Closed { .. } => open(now, 0),
        Standing::Unknown { lately } if arrived && began > lately => {
            Standing::Closed { failures: 0 }
        }
        Standing::Unknown { .. } if !arrived => Standing::Unknown { lately: now },
        Standing::Open { since, .. } if arrived && began > since => {
            Standing::Closed { failures: 0 }
        }
        Standing::Probing { since, request, .. }
            if arrived && (request == number || began > since) =>
        {
            Standing::Closed { failures: 0 }
        }
        Standing::Probing {
            since,
            probes,
            request,
        } if request == number => open(since, probes + 1),
        other => other,
    }
}

fn heard(standing: Standing, news: BreakerNews, now: Timestamp) -> Standing {
    match (standing, news) {
        (Standing::Closed { .. }, BreakerNews::Opened) => Standing::Open {
            since: now,
            probes: 0,
            until: now,
            hearsay: true,
        },
        (Standing::Open { hearsay: true, .. }, BreakerNews::Closed) => {
            Standing::Closed { failures: 0 }
        }
        (Standing::Open { since, probes, .. }, BreakerNews::Closed) => Standing::Open {
            since,
            probes,
            until: now,
            hearsay: false,
        },
        (other, _) => other,
    }
}
