//! What must hold in every run of several nodes.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use fanfare_app::nodes::NodeId;
use fanfare_app::port::log::{Event, Position};
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::id::{DeliveryId, EndpointId, EventId};
use fanfare_domain::order::Strand;
use fanfare_domain::rate::Per;
use fanfare_domain::time::Timestamp;

use super::Fact;
use super::node::DETECTION;
use super::play::{Finals, SETTLED_AFTER};

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

const RULES: [Rule; 7] = [
    ("every accepted delivery comes to its end", all_end),
    ("nobody writes who was declared gone", gone_is_gone),
    ("nothing is sent against its order", order_holds),
    ("rates are kept", rates_hold),
    (
        "what arrived is sent again only where its node was disturbed",
        nothing_arrives_twice,
    ),
    (
        "a delivery is under way once at a time, but where its node was disturbed",
        under_way_once,
    ),
    ("what is due is sent in time", in_time),
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

/// A request.
struct Request {
    place: usize,
    node: NodeId,
    delivery: DeliveryId,
    endpoint: EndpointId,
    /// Where it ended, and whether the receiver took it.
    answered: Option<(usize, bool)>,
}

/// A run, put together.
struct Story<'a> {
    facts: &'a Facts,
    finals: &'a Finals,
    endpoints: HashMap<EndpointId, &'a Endpoint>,
    events: HashMap<EventId, (Position, &'a Arc<Event>)>,
    /// In the order in which they were sent.
    requests: Vec<Request>,
    requests_of: HashMap<DeliveryId, Vec<usize>>,
    /// When each node was not itself: from one place to another.
    disturbances: HashMap<NodeId, Vec<(usize, usize)>>,
}

impl<'a> Story<'a> {
    fn of(facts: &'a Facts, finals: &'a Finals) -> Self {
        let mut story = Self {
            facts,
            finals,
            endpoints: HashMap::new(),
            events: HashMap::new(),
            requests: Vec::new(),
            requests_of: HashMap::new(),
            disturbances: HashMap::new(),
        };
        let mut by_number = HashMap::new();
        for (place, (_, fact)) in facts.iter().enumerate() {
            match fact {
                Fact::Endpoint(endpoint) => {
                    story.endpoints.insert(endpoint.id, endpoint);
                }
                Fact::Committed(position, event) => {
                    story.events.insert(event.id, (*position, event));
                }
                Fact::Sent {
                    number,
                    node,
                    delivery,
                    endpoint,
                } => {
                    let at = story.requests.len();
                    by_number.insert(*number, at);
                    story.requests_of.entry(*delivery).or_default().push(at);
                    story.requests.push(Request {
                        place,
                        node: *node,
                        delivery: *delivery,
                        endpoint: *endpoint,
                        answered: None,
                    });
                }
                Fact::Answered(number, taken) => {
                    if let Some(at) = by_number.get(number) {
                        story.requests[*at].answered = Some((place, *taken));
                    }
                }
                Fact::Disturbed(node, _) | Fact::Gone(node) => {
                    let of_node = story.disturbances.entry(*node).or_default();
                    of_node.push((place, usize::MAX));
                }
                Fact::Recovered(node) => {
                    let of_node = story.disturbances.entry(*node).or_default();
                    // Who was killed or declared gone meanwhile does not come back.
                    if let [(_, until)] = of_node.as_mut_slice() {
                        *until = place;
                    } else if let Some((_, until)) = of_node.last_mut()
                        && *until == usize::MAX
                    {
                        *until = place;
                    }
                }
                _ => {}
            }
        }
        story
    }

    fn at(&self, place: usize) -> Timestamp {
        self.facts[place].0
    }

    /// Whether a node was not itself at some time between two places.
    fn disturbed(&self, node: NodeId, from: usize, to: usize) -> bool {
        let of_node = self.disturbances.get(&node).into_iter().flatten();
        let mut of_node = of_node.filter(|(begin, end)| *begin <= to && *end >= from);
        of_node.next().is_some()
    }

    fn turn(&self, delivery: DeliveryId, endpoint: EndpointId) -> Option<(Strand, Position)> {
        let (position, event) = self.events.get(&delivery.event())?;
        let ordering = self.endpoints.get(&endpoint)?.ordering;
        let turn = event.turn(*position, ordering)?;
        Some((turn.strand?, *position))
    }

    /// Earlier requests of a request's delivery.
    fn before(&self, number: usize) -> impl Iterator<Item = &Request> {
        let of = self.requests_of.get(&self.requests[number].delivery);
        let before = of.into_iter().flatten().take_while(move |at| **at < number);
        before.map(|at| &self.requests[*at])
    }
}

fn all_end(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (place, (_, fact)) in story.facts.iter().enumerate() {
        let Fact::Accepted(_, event) = fact else {
            continue;
        };
        for (id, _) in event.deliveries() {
            match story.finals.get(&id) {
                None => broken.push((Some(place), format!("{id} is lost"))),
                Some(row) if !row.state.ended() => {
                    broken.push((Some(place), format!("{id} never ended: {:?}", row.state)));
                }
                Some(_) => {}
            }
        }
    }
    broken
}

fn gone_is_gone(story: &Story<'_>) -> Vec<Broken> {
    let mut gone = std::collections::HashSet::new();
    let mut broken = Vec::new();
    for (place, (_, fact)) in story.facts.iter().enumerate() {
        match fact {
            Fact::Gone(node) => {
                gone.insert(*node);
            }
            Fact::Wrote(node) if gone.contains(node) => {
                broken.push((Some(place), format!("node {node} writes")));
            }
            _ => {}
        }
    }
    broken
}

/// No request of a delivery begins before each that stands before it has ended, or has arrived through the
/// same node.
fn order_holds(story: &Story<'_>) -> Vec<Broken> {
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
                delivery,
                endpoint,
                ..
            } => {
                number += 1;
                let Some((strand, position)) = story.turn(*delivery, *endpoint) else {
                    continue;
                };
                let line = open.get(&(*endpoint, strand));
                let before = line.into_iter().flat_map(|line| line.range(..position));
                for (_, before) in before {
                    let requests = story.requests_of.get(before).into_iter().flatten();
                    let arrived = requests.filter(|at| **at < number).any(|at| {
                        let request = &story.requests[*at];
                        let answered = request.answered;
                        request.node == *node
                            && answered.is_some_and(|(at, taken)| taken && at < place)
                    });
                    if !arrived {
                        let how = format!("node {node} sends {delivery} before {before}");
                        broken.push((Some(place), how));
                    }
                }
            }
            _ => {}
        }
    }
    broken
}

fn rates_hold(story: &Story<'_>) -> Vec<Broken> {
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

fn nothing_arrives_twice(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (number, request) in story.requests.iter().enumerate() {
        let unexplained = story.before(number).find(|before| {
            let taken = before
                .answered
                .is_some_and(|(at, taken)| taken && at < request.place);
            taken && !story.disturbed(before.node, before.place, request.place)
        });
        if let Some(before) = unexplained {
            let how = format!(
                "{} had arrived through node {}",
                request.delivery, before.node
            );
            broken.push((Some(request.place), how));
        }
    }
    broken
}

fn under_way_once(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (number, request) in story.requests.iter().enumerate() {
        let unexplained = story.before(number).find(|before| {
            let under_way = before.answered.is_none_or(|(at, _)| at > request.place);
            under_way && !story.disturbed(before.node, before.place, request.place)
        });
        if let Some(before) = unexplained {
            let how = format!(
                "{} is under way through node {}",
                request.delivery, before.node
            );
            broken.push((Some(request.place), how));
        }
    }
    broken
}

/// In the calm, and all the time where a node is itself and an endpoint takes everything.
fn in_time(story: &Story<'_>) -> Vec<Broken> {
    let calm = story
        .facts
        .iter()
        .position(|(_, fact)| matches!(fact, Fact::Calm));
    let Some(calm) = calm else {
        return vec![(None, "the run never came to its calm".to_owned())];
    };
    let calm = story.at(calm).after(SETTLED_AFTER - Duration::from_secs(1));
    let mut broken = Vec::new();
    for (place, (at, fact)) in story.facts.iter().enumerate() {
        let Fact::Accepted(node, event) = fact else {
            continue;
        };
        let until = at.after(DETECTION + Duration::from_secs(1));
        let end = story.facts.partition_point(|(at, _)| *at <= until);
        for (id, to) in event.deliveries() {
            let Some(endpoint) = story.endpoints.get(&to) else {
                continue;
            };
            let healthy = endpoint.url.contains("well") && !story.disturbed(*node, place, end);
            let calm = *at >= calm && endpoint.rate_limit.is_none();
            let requests = story.requests_of.get(&id).into_iter().flatten();
            let in_time = requests
                .map(|at| &story.requests[*at])
                .any(|request| request.place <= end);
            if (healthy || calm) && !in_time {
                let how = format!("{id} was not sent to {}", endpoint.url);
                broken.push((Some(place), how));
            }
        }
    }
    broken
}
