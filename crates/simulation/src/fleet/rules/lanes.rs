//! What holds of endpoints over all nodes: orders and rates.

use std::collections::{BTreeMap, HashMap};

use fanfare_app::nodes::NodeId;
use fanfare_app::port::log::Position;
use fanfare_domain::id::{DeliveryId, EndpointId};
use fanfare_domain::order::Strand;
use fanfare_domain::rate::Per;

use super::Broken;
use super::story::Story;
use crate::fleet::Fact;

/// No request of a delivery begins before each that stands before it has ended, or has arrived through the
/// same node.
pub(super) fn order_holds(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut open: HashMap<(EndpointId, Strand), BTreeMap<Position, DeliveryId>> = HashMap::new();
    let mut number = 0;
    for (place, (_, fact)) in story.facts.iter().enumerate() {
        match fact {
            Fact::Committed(_, event) => {
                for (id, endpoint) in event.deliveries() {
                    if let Some((strand, position)) = story.turn(id, endpoint) {
                        let line = open.entry((endpoint, strand)).or_default();
                        line.insert(position, id);
                    }
                }
            }
            Fact::Row(row) if row.state.ended() => {
                if let Some((strand, position)) = story.turn(row.id, row.endpoint)
                    && let Some(line) = open.get_mut(&(row.endpoint, strand))
                {
                    line.remove(&position);
                }
            }
            Fact::Sent {
                node,
                endpoint,
                deliveries,
                ..
            } => {
                number += 1;
                for (at, delivery) in deliveries.iter().enumerate() {
                    if story.was_repeated(*delivery, place) {
                        continue;
                    }
                    let Some((strand, position)) = story.turn(*delivery, *endpoint) else {
                        continue;
                    };
                    let line = open.get(&(*endpoint, strand));
                    let before = line.into_iter().flat_map(|line| line.range(..position));
                    for (_, before) in before {
                        let same = deliveries[..at].contains(before);
                        if !same && !has_arrived(story, *before, number, *node, place) {
                            let how = format!("node {node} sends {delivery} before {before}");
                            broken.push((Some(place), how));
                        }
                    }
                }
            }
            _ => {}
        }
    }
    broken
}

/// Whether a delivery had arrived through a node before a place and a request.
fn has_arrived(
    story: &Story<'_>,
    delivery: DeliveryId,
    number: usize,
    node: NodeId,
    place: usize,
) -> bool {
    let requests = story.requests_of.get(&delivery).into_iter().flatten();
    requests.filter(|at| **at < number).any(|at| {
        let request = &story.requests[*at];
        let answered = request.answered;
        request.node == node && answered.is_some_and(|(at, taken)| taken && at < place)
    })
}

pub(super) fn rates_hold(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut used_up: HashMap<EndpointId, u128> = HashMap::new();
    for request in &story.requests {
        let known = story.endpoints.get(&request.endpoint);
        let Some(limit) = known.and_then(|known| known.rate_limit) else {
            continue;
        };
        let span = match limit.per {
            Per::Second => 1_000_000,
            Per::Minute => 60_000_000,
        };
        let interval = span / u128::from(limit.requests);
        let now = story.at(request.place).micros() as u128;
        let before = used_up.get(&request.endpoint).copied().unwrap_or(0);
        let after = before.max(now) + interval;
        if after > now + interval * u128::from(limit.burst) {
            let how = format!("{} gets more than {}", request.endpoint, limit.requests);
            broken.push((Some(request.place), how));
        }
        used_up.insert(request.endpoint, after);
    }
    broken
}
