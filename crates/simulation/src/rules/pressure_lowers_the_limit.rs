//! An endpoint that does not answer in time, or asks for less, gets half as many requests at a time; each
//! answer allows one more at most.

use std::collections::BTreeMap;

use fanfare_domain::id::EndpointId;
use fanfare_testkit::memory_store::Change;

use super::{Broken, Rule};
use crate::chronicle::Fact;
use crate::story::{Story, arrived};

pub(super) const RULE: Rule = Rule {
    says: "pressure lowers the limit",
    check,
};

/// What an endpoint may have under way.
struct Lane {
    most: usize,
    under_way: usize,
    /// Its rows that wait.
    waiting: usize,
    /// Whether its last attempt failed.
    failing: bool,
}

impl Lane {
    /// Begins anew, if it may have been forgotten: nothing is under way, and nothing waits or it does well.
    fn rest(&mut self, start: usize) {
        if self.under_way == 0 && (self.waiting == 0 || !self.failing) {
            self.most = self.most.max(start);
        }
    }
}

fn check(story: &Story<'_>) -> Vec<Broken> {
    let options = &story.history.options;
    let (start, most) = (
        options.lane_concurrency_start,
        options.lane_concurrency_most,
    );
    let mut lanes: BTreeMap<EndpointId, Lane> = BTreeMap::new();
    let mut waits = BTreeMap::new();
    let mut broken = Vec::new();
    for (place, (_, fact)) in story.history.facts.iter().enumerate() {
        let new = || Lane {
            most: start,
            under_way: 0,
            waiting: 0,
            failing: false,
        };
        match fact {
            Fact::Committed(Change::Row(row)) => {
                let lane = lanes.entry(row.endpoint).or_insert_with(new);
                let waited = waits.insert(row.id, !row.state.ended()).unwrap_or(false);
                lane.waiting -= usize::from(waited);
                lane.waiting += usize::from(!row.state.ended());
                lane.rest(start);
            }
            Fact::Sent(number, _) => {
                let Some(id) = story.requests[*number].endpoint else {
                    continue;
                };
                let lane = lanes.entry(id).or_insert_with(new);
                lane.rest(start);
                lane.under_way += 1;
                if lane.under_way > lane.most {
                    let how = format!("{id} gets {}, {} at most", lane.under_way, lane.most);
                    broken.push((Some(place), how));
                }
            }
            Fact::Answered(number, exchange) => {
                let Some(lane) = story.requests[*number]
                    .endpoint
                    .and_then(|id| lanes.get_mut(&id))
                else {
                    continue;
                };
                lane.under_way = lane.under_way.saturating_sub(1);
                lane.failing = !arrived(exchange);
                let status = exchange.response.as_ref().map(|response| response.status);
                let pressed = exchange.error.is_some() || matches!(status, Some(429 | 503));
                lane.most = if pressed {
                    (lane.most / 2).max(1)
                } else {
                    (lane.most + 1).min(most)
                };
                lane.rest(start);
            }
            Fact::Start => {
                for lane in lanes.values_mut() {
                    (lane.most, lane.under_way, lane.failing) = (start, 0, false);
                }
            }
            _ => {}
        }
    }
    broken
}
