//! Which delivery each request was of, and what there is of each event in one.

use std::collections::{HashMap, HashSet};

use fanfare_app::port::sender::Exchange;
use fanfare_domain::attempt::Attempt;
use fanfare_domain::id::{BatchId, DeliveryId, EndpointId, EventId};
use fanfare_domain::time::Timestamp;
use fanfare_testkit::memory_store::Change;
use fanfare_testkit::scripted_sender::Sent;
use serde_json::Value;

use super::{Place, Story};
use crate::chronicle::Fact;

/// A request, or what there is of one event in it.
#[derive(Clone)]
pub struct Request<'a> {
    /// Where it was sent.
    pub place: Place,
    /// When.
    pub at: Timestamp,
    /// What was sent.
    pub sent: &'a Sent,
    /// Where to; none for an unknown URL.
    pub endpoint: Option<EndpointId>,
    /// The batch that it brings.
    pub batch: Option<&'a str>,
    /// The event that it brings, by its receivers' name for it; of a batch the first.
    pub name: String,
    /// The deliveries that it can be of: one, unless another one of the same event was attempted in the
    /// same microsecond, or it was never recorded.
    pub of: Vec<DeliveryId>,
    /// All deliveries of the same event to the same endpoint: the first one and its replays.
    pub alike: Vec<DeliveryId>,
    /// Whether an attempt was recorded for it; of a batch, the one with the highest number.
    pub recorded: Option<&'a Attempt>,
    /// Whether it was a later attempt, whichever of those that were recorded it was; of a batch, that of
    /// any of its events.
    pub retries: bool,
    /// What came of it, unless the machine went down before.
    pub answer: Option<(Place, Timestamp, &'a Exchange)>,
}

impl<'a> Story<'a> {
    /// Finds out which delivery each request was of.
    pub(super) fn match_requests(&mut self) {
        let by_url: HashMap<_, _> = self
            .endpoints
            .iter()
            .map(|(id, known)| (known.url.as_str(), *id))
            .collect();
        let mut by_way: HashMap<(EndpointId, String), Vec<DeliveryId>> = HashMap::new();
        let names = self.names();
        // Of one delivery several can be in the same microsecond, one after another.
        let mut taken = HashSet::new();
        for (id, tale) in &self.deliveries {
            if let Some(name) = names.get(&tale.event) {
                let way = (tale.endpoint, name.clone());
                by_way.entry(way).or_default().push(*id);
            }
        }
        for request in &mut self.requests {
            request.endpoint = by_url.get(request.sent.url.as_str()).copied();
            let id = request.sent.webhook_id();
            let names = events_of(request.sent);
            request.batch = id.starts_with(BatchId::PREFIX).then_some(id);
            request.name = names.first().cloned().unwrap_or_default();
            let batch = request.batch.and_then(|name| BatchId::parse(name).ok());
            let members = batch.and_then(|batch| self.batches.get(&batch));
            let first = self.messages.len();
            for name in names {
                let mut message = request.clone();
                let way = message.endpoint.map(|endpoint| (endpoint, name.clone()));
                let all = way.and_then(|way| by_way.get(&way));
                let all = all.map(Vec::as_slice).unwrap_or_default();
                // What repeats a delivery of a batch is of none.
                let bound = |id: &&DeliveryId| members.is_none_or(|(_, ids)| ids.contains(id));
                let made = |id: &&DeliveryId| self.deliveries[*id].was_made_before(message.place);
                let all = all.iter().filter(bound).filter(made);
                let all: Vec<_> = all.copied().collect();
                let attempts = all.iter().filter_map(|id| {
                    let recorded = self.deliveries[id].attempts.iter();
                    // What was recorded before the answer came is another one's.
                    let answered = message.answer.map(|(place, _, _)| place);
                    let mut same = recorded.filter(|(recorded, attempt)| {
                        attempt.started_at == request.at
                            && answered.is_some_and(|place| place < *recorded)
                            && !taken.contains(&attempt.id)
                    });
                    Some((*id, same.next()?.1))
                });
                let recorded: Vec<_> = attempts.collect();
                message.of = match recorded.as_slice() {
                    [] => all.clone(),
                    some => some.iter().map(|(id, _)| *id).collect(),
                };
                message.recorded = recorded.first().map(|(_, attempt)| *attempt);
                let later = |(_, attempt): &(_, &Attempt)| attempt.id.number() > 1;
                message.retries = !recorded.is_empty() && recorded.iter().all(later);
                if let [(_, attempt)] = recorded.as_slice() {
                    taken.insert(attempt.id);
                }
                message.alike = all;
                message.name = name;
                for id in &message.of {
                    let number = self.messages.len();
                    self.messages_of.entry(*id).or_default().push(number);
                }
                self.messages.push(message);
            }
            let messages = &self.messages[first..];
            request.of = messages.iter().flat_map(|each| each.of.clone()).collect();
            request.alike = messages
                .iter()
                .flat_map(|each| each.alike.clone())
                .collect();
            request.retries = messages.iter().any(|each| each.retries);
            let recorded = messages.iter().filter_map(|each| each.recorded);
            request.recorded = recorded.max_by_key(|attempt| attempt.id.number());
            self.messages_in.push(first..self.messages.len());
        }
    }

    /// The id by which receivers know each event.
    fn names(&self) -> HashMap<EventId, String> {
        let facts = self.history.facts.iter();
        facts
            .filter_map(|(_, fact)| match fact {
                Fact::Committed(Change::Event(_, event)) => Some((event.id, event.public_id())),
                _ => None,
            })
            .collect()
    }

    /// The messages that are, or can be, of a delivery, in their order.
    pub fn messages_of(&self, id: DeliveryId) -> impl Iterator<Item = &Request<'a>> {
        let numbers = self.messages_of.get(&id).into_iter().flatten();
        numbers.map(|number| &self.messages[*number])
    }

    /// The messages in a request.
    #[must_use]
    pub fn messages_in(&self, number: usize) -> &[Request<'a>] {
        &self.messages[self.messages_in[number].clone()]
    }
}

/// The events of a request, as receivers know them: of a batch all of them.
fn events_of(sent: &Sent) -> Vec<String> {
    let id = sent.webhook_id();
    if !id.starts_with(BatchId::PREFIX) {
        return vec![id.to_owned()];
    }
    let members: Vec<Value> = serde_json::from_slice(&sent.body).unwrap_or_default();
    let names = members.iter().map(|member| member["id"].as_str());
    names
        .map(|name| name.unwrap_or_default().to_owned())
        .collect()
}
