//! After so many failures in a row nothing is sent for a while, then one delivery at a time, at growing
//! intervals, until one arrives. Extra attempts pass; a change of the endpoint or a start begins anew.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fanfare_domain::attempt::Trigger;
use fanfare_domain::breaker::BreakerRules;
use fanfare_domain::id::EndpointId;
use fanfare_domain::time::Timestamp;
use fanfare_testkit::memory_store::Change;

use super::{Broken, Rule};
use crate::chronicle::Fact;
use crate::story::{Request, Story, arrived, changes};

pub(super) const RULE: Rule = Rule {
    says: "nothing is sent while the breaker is open",
    check,
};

/// Chance takes at most a fifth off a wait.
const LEAST: f64 = 0.8;

/// What the answers say of an endpoint.
#[derive(Clone, Copy)]
enum Standing {
    Closed {
        failures: u32,
    },
    /// It was changed, and what was attempted since does not tell how it stands. The last that may have opened
    /// it was then.
    Changed {
        lately: Timestamp,
    },
    Open {
        since: Timestamp,
        probes: u32,
        until: Timestamp,
    },
    /// A request finds out.
    Probing {
        since: Timestamp,
        probes: u32,
        request: usize,
    },
}

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
                if let Some(how) = sent(standing, *number, request, *now) {
                    broken.push((Some(place), how));
                }
            }
            Fact::Answered(number, exchange) => {
                let request = &story.requests[*number];
                let Some((id, rules)) = of(story, request) else {
                    continue;
                };
                let standing = all.entry(id).or_insert(Standing::Closed { failures: 0 });
                *standing = answered(
                    *standing,
                    rules,
                    *number,
                    request.at,
                    *now,
                    arrived(exchange),
                );
            }
            // It may take what comes now, and how often it was probed is not known any more.
            Fact::Committed(Change::Document(changed)) => {
                if let Some(id) = changes(changed) {
                    let standing = match made.insert(id) {
                        true => Standing::Closed { failures: 0 },
                        false => Standing::Changed { lately: *now },
                    };
                    all.insert(id, standing);
                }
            }
            // Which may come to nothing.
            Fact::Opening(id) | Fact::Closing(id) => {
                all.insert(*id, Standing::Changed { lately: *now });
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

/// A request is sent; answers what is wrong with it.
fn sent(
    standing: &mut Standing,
    number: usize,
    request: &Request<'_>,
    now: Timestamp,
) -> Option<String> {
    // One that was never recorded may be an extra one.
    if request.recorded.map(|attempt| attempt.trigger) != Some(Trigger::Scheduled) {
        return None;
    }
    match *standing {
        Standing::Closed { .. } | Standing::Changed { .. } => None,
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
    rules: &BreakerRules,
    number: usize,
    began: Timestamp,
    now: Timestamp,
    arrived: bool,
) -> Standing {
    let open = |since, probes: u32| {
        let factor = 1u32.checked_shl(probes).unwrap_or(u32::MAX);
        let wait: Duration = rules.first_wait.saturating_mul(factor);
        let wait = wait.min(rules.longest_wait.max(rules.first_wait));
        Standing::Open {
            since,
            probes,
            until: now.after(wait.mul_f64(LEAST)),
        }
    };
    match standing {
        Standing::Closed { .. } if arrived => Standing::Closed { failures: 0 },
        // Began it before that, it may have been open then.
        Standing::Changed { lately } if arrived && began > lately => {
            Standing::Closed { failures: 0 }
        }
        Standing::Changed { .. } if !arrived => Standing::Changed { lately: now },
        Standing::Closed { failures } if failures + 1 < rules.failures => Standing::Closed {
            failures: failures + 1,
        },
        Standing::Closed { .. } => open(now, 0),
        Standing::Open { since, .. } | Standing::Probing { since, .. } if arrived => {
            let probed = matches!(standing, Standing::Probing { request, .. } if request == number);
            if probed || began > since {
                Standing::Closed { failures: 0 }
            } else {
                standing
            }
        }
        Standing::Probing {
            since,
            probes,
            request,
        } if request == number => open(since, probes + 1),
        other => other,
    }
}
