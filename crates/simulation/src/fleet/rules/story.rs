//! A run, put together for the rules.

use std::collections::HashMap;
use std::sync::Arc;

use fanfare_app::nodes::NodeId;
use fanfare_app::port::log::{Event, Position};
use fanfare_domain::delivery::Delivery;
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::id::{BatchId, DeliveryId, EndpointId, EventId};
use fanfare_domain::order::Strand;
use fanfare_domain::time::Timestamp;

use super::Facts;
use crate::fleet::play::Finals;
use crate::fleet::{Disturbance, Fact};

/// A request.
pub(super) struct Request {
    pub(super) place: usize,
    pub(super) node: NodeId,
    /// One, or those of a batch in their order.
    pub(super) deliveries: Vec<DeliveryId>,
    pub(super) batch: Option<BatchId>,
    pub(super) endpoint: EndpointId,
    /// Where it ended, and whether the receiver took it.
    pub(super) answered: Option<(usize, bool)>,
}

/// From one place to another, in which a node was not itself.
struct Disturbed {
    from: usize,
    until: usize,
    /// None: it was declared gone.
    how: Option<Disturbance>,
}

impl Disturbed {
    /// Who was killed or declared gone does not come back.
    fn passes(&self) -> bool {
        self.how.is_some_and(Disturbance::passes)
    }
}

/// A run, put together.
pub(super) struct Story<'a> {
    pub(super) facts: &'a Facts,
    pub(super) finals: &'a Finals,
    pub(super) endpoints: HashMap<EndpointId, &'a Endpoint>,
    pub(super) events: HashMap<EventId, (Position, &'a Arc<Event>)>,
    /// In the order in which they were sent.
    pub(super) requests: Vec<Request>,
    pub(super) requests_of: HashMap<DeliveryId, Vec<usize>>,
    /// Where each delivery ended, and how.
    pub(super) ends: HashMap<DeliveryId, (usize, &'a Delivery)>,
    /// Where each that was repeated was so first. On the network its repetitions look as itself.
    repeated: HashMap<DeliveryId, usize>,
    /// From one place to another some node was not itself, and no other had taken its place.
    unrest: Vec<(usize, usize)>,
    /// When each node was not itself.
    disturbances: HashMap<NodeId, Vec<Disturbed>>,
}

impl<'a> Story<'a> {
    pub(super) fn of(facts: &'a Facts, finals: &'a Finals) -> Self {
        let mut story = Self {
            facts,
            finals,
            endpoints: HashMap::new(),
            events: HashMap::new(),
            requests: Vec::new(),
            requests_of: HashMap::new(),
            ends: HashMap::new(),
            repeated: HashMap::new(),
            unrest: Vec::new(),
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
                    endpoint,
                    deliveries,
                    batch,
                } => {
                    let at = story.requests.len();
                    by_number.insert(*number, at);
                    for delivery in deliveries {
                        story.requests_of.entry(*delivery).or_default().push(at);
                    }
                    story.requests.push(Request {
                        place,
                        node: *node,
                        deliveries: deliveries.clone(),
                        batch: *batch,
                        endpoint: *endpoint,
                        answered: None,
                    });
                }
                Fact::Answered(number, taken) => {
                    if let Some(at) = by_number.get(number) {
                        story.requests[*at].answered = Some((place, *taken));
                    }
                }
                Fact::Row(row) => {
                    if let Some(of) = row.replay_of {
                        story.repeated.entry(of).or_insert(place);
                    }
                    if row.state.ended() {
                        story.ends.entry(row.id).or_insert((place, row));
                    }
                }
                Fact::Joined(_) => story.unrest.push((place, place)),
                Fact::Disturbed(node, how) => story.is_disturbed(*node, place, Some(*how)),
                Fact::Gone(node) => story.is_disturbed(*node, place, None),
                Fact::Recovered(node) => {
                    let of_node = story.disturbances.get_mut(node).into_iter().flatten();
                    for disturbance in of_node.filter(|each| each.passes()) {
                        disturbance.until = place.min(disturbance.until);
                    }
                }
                _ => {}
            }
        }
        story.put_unrest_together();
        story
    }

    fn put_unrest_together(&mut self) {
        for of_node in self.disturbances.values() {
            let gone = of_node.iter().find(|each| each.how.is_none());
            let gone = gone.map_or(usize::MAX, |gone| gone.from);
            for each in of_node {
                self.unrest.push((each.from, each.until.min(gone)));
            }
        }
    }

    /// Whether no node came, went, or was not itself between two places.
    pub(super) fn is_quiet(&self, from: usize, to: usize) -> bool {
        let mut unrest = self.unrest.iter();
        !unrest.any(|(begin, end)| *begin <= to && *end >= from)
    }

    /// Whether a repetition of a delivery was made before a place.
    pub(super) fn was_repeated(&self, delivery: DeliveryId, before: usize) -> bool {
        let repeated = self.repeated.get(&delivery);
        repeated.is_some_and(|place| *place < before)
    }

    /// The endpoint of an event's delivery, where both are known.
    pub(super) fn endpoint_of(&self, delivery: DeliveryId) -> Option<&'a Endpoint> {
        let (_, event) = self.events.get(&delivery.event())?;
        let (_, endpoint) = event.deliveries().find(|(id, _)| *id == delivery)?;
        self.endpoints.get(&endpoint).copied()
    }

    fn is_disturbed(&mut self, node: NodeId, from: usize, how: Option<Disturbance>) {
        let disturbed = Disturbed {
            from,
            until: usize::MAX,
            how,
        };
        self.disturbances.entry(node).or_default().push(disturbed);
    }

    pub(super) fn at(&self, place: usize) -> Timestamp {
        self.facts[place].0
    }

    /// Whether a node was not itself at some time between two places.
    pub(super) fn disturbed(&self, node: NodeId, from: usize, to: usize) -> bool {
        let of_node = self.disturbances.get(&node).into_iter().flatten();
        let mut of_node = of_node.filter(|each| each.from <= to && each.until >= from);
        of_node.next().is_some()
    }

    pub(super) fn turn(
        &self,
        delivery: DeliveryId,
        endpoint: EndpointId,
    ) -> Option<(Strand, Position)> {
        let (position, event) = self.events.get(&delivery.event())?;
        let ordering = self.endpoints.get(&endpoint)?.ordering;
        let turn = event.turn(*position, ordering)?;
        Some((turn.strand?, *position))
    }

    /// Each delivery of each request, with the earlier requests of it. Repetitions are left out.
    pub(super) fn with_earlier(
        &self,
    ) -> impl Iterator<Item = (&Request, DeliveryId, Vec<&Request>)> {
        let requests = self.requests.iter().enumerate();
        requests.flat_map(move |(number, request)| {
            let deliveries = request.deliveries.iter();
            let own = deliveries.filter(|id| !self.was_repeated(**id, request.place));
            own.map(move |id| {
                let of = self.requests_of.get(id).into_iter().flatten();
                let before = of.take_while(|at| **at < number);
                (request, *id, before.map(|at| &self.requests[*at]).collect())
            })
        })
    }
}
