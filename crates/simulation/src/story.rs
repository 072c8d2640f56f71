//! The chronicle, put in order for the rules: what became of each delivery and of each request.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use fanfare_app::port::configuration::{Changed, Kind};
use fanfare_app::port::log::Event;
use fanfare_app::port::sender::Exchange;
use fanfare_domain::attempt::{Attempt, Trigger};
use fanfare_domain::batch::Batching;
use fanfare_domain::delivery::{Delivery, DeliveryState};
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::id::{BatchId, DeliveryId, EndpointId, EventId, JobId};
use fanfare_domain::order::{OnFailure, Ordering};
use fanfare_domain::policy::DeliveryPolicy;
use fanfare_domain::rate::RateLimit;
use fanfare_domain::time::Timestamp;
use fanfare_testkit::memory_store::Change;
use fanfare_testkit::scripted_sender::Sent;
use serde_json::Value;

use crate::chronicle::Fact;
use crate::history::History;

pub(crate) mod lines;

/// The place of a fact in the chronicle.
pub type Place = usize;

/// A run, put in order.
pub struct Story<'a> {
    /// The run.
    pub history: &'a History,
    /// What became of each delivery that there is a sign of.
    pub deliveries: BTreeMap<DeliveryId, Tale<'a>>,
    /// The requests, by their numbers. One with a batch is of all its deliveries.
    pub requests: Vec<Request<'a>>,
    /// The same, event by event: of a request with a batch there is one for each of its events, in their order.
    pub messages: Vec<Request<'a>>,
    /// Which deliveries were bound to each batch, in their order, and where.
    pub batches: BTreeMap<BatchId, (Place, Vec<DeliveryId>)>,
    /// The endpoints that were made.
    pub endpoints: BTreeMap<EndpointId, Known>,
    /// Where each life of the machine ended.
    pub ends: Vec<Place>,
    /// Where the calm began.
    pub calm: Option<Place>,
    messages_of: HashMap<DeliveryId, Vec<usize>>,
    /// The messages of each request.
    messages_in: Vec<Range<usize>>,
    /// The places of all commits.
    commits: Vec<Place>,
    /// The job that was changed last, and the last row of that commit.
    job: (JobId, Place),
    closings: Vec<(Place, EndpointId)>,
}

/// What became of a delivery.
pub struct Tale<'a> {
    /// Where it goes.
    pub endpoint: EndpointId,
    /// Its event.
    pub event: EventId,
    /// Whether it is one of its event's own deliveries; others repeat one, or bring what was missed.
    pub first: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is due, the first wait of its policy aside.
    pub due_from: Timestamp,
    /// When its time is over.
    pub expires_at: Option<Timestamp>,
    /// The job that made it.
    pub job: Option<JobId>,
    /// What its row was made to be, each time.
    pub rows: Vec<(Place, &'a Delivery)>,
    /// Rows that a power failure took back, and where.
    undone: Vec<(Place, &'a Delivery, Place)>,
    /// Its attempts, as they were recorded.
    pub attempts: Vec<(Place, &'a Attempt)>,
    /// Where somebody asked that it be tried again.
    pub asked: Vec<Place>,
}

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
    /// What came of it, unless the machine went down before.
    pub answer: Option<(Place, Timestamp, &'a Exchange)>,
}

/// An endpoint.
pub struct Known {
    /// Where it lies.
    pub url: String,
    /// How its deliveries are made.
    pub policy: DeliveryPolicy,
    /// How many requests it takes in a time.
    pub rate_limit: Option<RateLimit>,
    /// The most events of a batch, and how long one waits for others, since which place; none where each goes
    /// by itself.
    pub batchings: Vec<(Place, Option<Batching>)>,
    /// In which order it gets its deliveries, and what becomes of that where one fails, since which place.
    pub orders: Vec<(Place, Ordering, OnFailure)>,
}

impl Known {
    /// The longest that it ever wanted its events to wait for others.
    #[must_use]
    pub fn longest_gathering(&self) -> Duration {
        let all = self.batchings.iter().filter_map(|(_, batching)| *batching);
        all.map(|batching| batching.max_wait())
            .max()
            .unwrap_or_default()
    }

    /// The most events that it wanted in a batch at any time before a place.
    #[must_use]
    pub fn largest_batch_before(&self, place: Place) -> usize {
        let before = self.batchings.iter().filter(|(at, _)| *at < place);
        let all = before.filter_map(|(_, batching)| *batching);
        all.map(|batching| usize::from(batching.max_events))
            .max()
            .unwrap_or_default()
    }

    /// Whether it always took its deliveries in no order.
    #[must_use]
    pub fn never_ordered(&self) -> bool {
        let mut orders = self.orders.iter();
        orders.all(|(_, ordering, _)| *ordering == Ordering::Unordered)
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

/// Whether an answer is one that a delivery has arrived by.
pub(crate) fn arrived(exchange: &Exchange) -> bool {
    let status = exchange.response.as_ref().map(|response| response.status);
    exchange.error.is_none() && matches!(status, Some(200..300))
}

impl<'a> Story<'a> {
    /// Puts a run in order.
    #[must_use]
    pub fn of(history: &'a History) -> Self {
        let mut story = Self {
            history,
            deliveries: BTreeMap::new(),
            requests: Vec::new(),
            messages: Vec::new(),
            batches: BTreeMap::new(),
            endpoints: BTreeMap::new(),
            ends: Vec::new(),
            calm: None,
            messages_of: HashMap::new(),
            messages_in: Vec::new(),
            commits: Vec::new(),
            job: (JobId::from_bits(0), 0),
            closings: Vec::new(),
        };
        for (place, (at, fact)) in history.facts.iter().enumerate() {
            story.take(place, *at, fact);
        }
        story.match_requests();
        story
    }

    fn take(&mut self, place: Place, at: Timestamp, fact: &'a Fact) {
        if let Fact::Committed(change) = fact {
            self.commits.push(place);
            if let Change::Job(job, did) = change {
                self.job = (job.id, place + did);
            }
        }
        match fact {
            Fact::Undone(count) => self.undo(place, *count),
            Fact::End { .. } => self.ends.push(place),
            Fact::Calm => self.calm = Some(place),
            Fact::Closing(id) => self.closings.push((place, *id)),
            Fact::Committed(Change::Document(changed)) => {
                self.closings.extend(closes(changed).map(|id| (place, id)));
                self.endpoint(place, changed);
            }
            Fact::Committed(Change::Event(_, event)) => self.first_deliveries(event),
            Fact::Committed(Change::Row(row)) => {
                let (job, last) = self.job;
                let job = (place <= last).then_some(job);
                let tale = self.tale(row);
                if tale.rows.is_empty() {
                    tale.job = job;
                }
                tale.rows.push((place, row));
            }
            Fact::Committed(Change::Bound(members)) => {
                if let Some((_, first)) = members.first() {
                    let ids = members.iter().map(|(id, _)| *id);
                    let (_, known) = self
                        .batches
                        .entry(first.batch())
                        .or_insert((place, Vec::new()));
                    known.extend(ids);
                }
            }
            Fact::Committed(Change::Attempt(attempt)) => {
                if let Some(tale) = self.deliveries.get_mut(&attempt.id.delivery()) {
                    tale.attempts.push((place, attempt));
                }
            }
            Fact::AskedAgain(id) => {
                if let Some(tale) = self.deliveries.get_mut(id) {
                    tale.asked.push(place);
                }
            }
            Fact::Sent(_, sent) => self.requests.push(Request {
                place,
                at,
                sent,
                endpoint: None,
                batch: None,
                name: String::new(),
                of: Vec::new(),
                alike: Vec::new(),
                recorded: None,
                answer: None,
            }),
            Fact::Answered(number, exchange) => {
                if let Some(request) = self.requests.get_mut(*number) {
                    request.answer = Some((place, at, exchange));
                }
            }
            _ => {}
        }
    }

    /// Takes back the changes of the last commits.
    fn undo(&mut self, now: Place, count: usize) {
        let kept = self.commits.len().saturating_sub(count);
        let Some(first) = self.commits.get(kept).copied() else {
            return;
        };
        self.commits.truncate(kept);
        for tale in self.deliveries.values_mut() {
            let undone = tale.rows.partition_point(|(place, _)| *place < first);
            let rows = tale.rows.drain(undone..);
            tale.undone
                .extend(rows.map(|(place, row)| (place, row, now)));
            tale.attempts.retain(|(place, _)| *place < first);
        }
    }

    fn endpoint(&mut self, place: Place, changed: &Changed) {
        if let Changed::Put(document) = changed
            && document.key.kind == Kind::Endpoint
            && let Ok(endpoint) = serde_json::from_str::<Endpoint>(&document.body)
        {
            let before = self.endpoints.remove(&endpoint.id);
            let (mut orders, mut batchings) = before
                .map(|known| (known.orders, known.batchings))
                .unwrap_or_default();
            if batchings.last().map(|last| last.1) != Some(endpoint.batch) {
                batchings.push((place, endpoint.batch));
            }
            let now = (endpoint.ordering, endpoint.on_failure);
            if orders.last().map(|last| (last.1, last.2)) != Some(now) {
                orders.push((place, now.0, now.1));
            }
            let known = Known {
                orders,
                batchings,
                policy: DeliveryPolicy::native().with(&endpoint.policy),
                rate_limit: endpoint.rate_limit,
                url: endpoint.url,
            };
            self.endpoints.insert(endpoint.id, known);
        }
    }

    fn first_deliveries(&mut self, event: &Event) {
        for (id, endpoint) in event.deliveries() {
            let tale = Tale {
                endpoint,
                event: event.id,
                first: true,
                created_at: event.created_at,
                due_from: event.due_from(),
                expires_at: event.expires_at,
                job: None,
                rows: Vec::new(),
                undone: Vec::new(),
                attempts: Vec::new(),
                asked: Vec::new(),
            };
            self.deliveries.insert(id, tale);
        }
    }

    fn tale(&mut self, row: &Delivery) -> &mut Tale<'a> {
        self.deliveries.entry(row.id).or_insert_with(|| Tale {
            endpoint: row.endpoint,
            event: row.event,
            first: false,
            created_at: row.created_at,
            due_from: match row.state {
                // What is missed may be due later.
                DeliveryState::Waiting { due_at } if row.replay_of.is_none() => due_at,
                _ => row.created_at,
            },
            expires_at: row.expires_at,
            job: None,
            rows: Vec::new(),
            undone: Vec::new(),
            attempts: Vec::new(),
            asked: Vec::new(),
        })
    }

    /// Finds out which delivery each request was of.
    fn match_requests(&mut self) {
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
                let all: Vec<_> = all.iter().filter(bound).copied().collect();
                let attempts = all.iter().filter_map(|id| {
                    let recorded = self.deliveries[id].attempts.iter();
                    let mut same = recorded.filter(|(_, attempt)| {
                        attempt.started_at == request.at && !taken.contains(&attempt.id)
                    });
                    Some((*id, same.next()?.1))
                });
                let recorded: Vec<_> = attempts.collect();
                message.of = match recorded.as_slice() {
                    [] => all.clone(),
                    some => some.iter().map(|(id, _)| *id).collect(),
                };
                message.recorded = recorded.first().map(|(_, attempt)| *attempt);
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

    /// Events whose publisher was told that they are accepted, with the place of each telling.
    pub fn accepted(&self) -> impl Iterator<Item = (Place, &'a Arc<Event>)> {
        let facts = self.history.facts.iter().enumerate();
        facts.filter_map(|(place, (_, fact))| match fact {
            Fact::Accepted(event) => Some((place, event)),
            _ => None,
        })
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

    /// When a fact was.
    #[must_use]
    pub fn at(&self, place: Place) -> Timestamp {
        self.history.facts[place].0
    }

    /// Whether the machine went down at or after a place.
    #[must_use]
    pub fn goes_down_after(&self, place: Place) -> bool {
        self.ends.last().is_some_and(|end| *end >= place)
    }

    /// Whether an endpoint was, or was about to be, disabled or deleted at some time before a place.
    #[must_use]
    pub fn was_closed_before(&self, endpoint: EndpointId, place: Place) -> bool {
        let mut closings = self.closings.iter();
        closings.any(|(at, id)| *at < place && *id == endpoint)
    }
}

/// The endpoint that a change of the configuration is about.
pub(crate) fn changes(changed: &Changed) -> Option<EndpointId> {
    let key = match changed {
        Changed::Put(document) => &document.key,
        Changed::Removed { key, .. } => key,
    };
    let endpoint = key.kind == Kind::Endpoint;
    endpoint.then(|| EndpointId::parse(&key.id).ok()).flatten()
}

/// The endpoint that a change of the configuration disables or removes, if it does.
pub(crate) fn closes(changed: &Changed) -> Option<EndpointId> {
    let closed = match changed {
        Changed::Put(document) => document.body.contains("\"disabled\":{"),
        Changed::Removed { .. } => true,
    };
    changes(changed).filter(|_| closed)
}

impl Tale<'_> {
    /// The row as it was before a place.
    #[must_use]
    pub fn row_before(&self, place: Place) -> Option<&Delivery> {
        let kept = self.rows.iter().rev().find(|(at, _)| *at < place);
        let mut undone = self.undone.iter().rev();
        let undone = undone.find(|(at, _, until)| *at < place && place <= *until);
        match (kept, undone) {
            (Some((kept, row)), Some((undone, _, _))) if kept > undone => Some(row),
            (_, Some((_, row, _))) => Some(row),
            (kept, None) => kept.map(|(_, row)| *row),
        }
    }

    /// Whether it had ended before a place, or was not there.
    #[must_use]
    pub fn ended_before(&self, place: Place) -> bool {
        self.row_before(place)
            .map_or(!self.first, |row| row.state.ended())
    }

    /// When its first attempt is due.
    #[must_use]
    pub fn first_due(&self, policy: &DeliveryPolicy) -> Timestamp {
        let due = if self.first {
            policy.first_due(self.due_from)
        } else {
            self.due_from
        };
        self.expires_at.map_or(due, |end| due.min(end))
    }

    /// When it was due, as it stood before a place; none when it had ended.
    #[must_use]
    pub fn due_before(&self, place: Place, policy: &DeliveryPolicy) -> Option<Timestamp> {
        match self.row_before(place).map(|row| row.state) {
            Some(DeliveryState::Waiting { due_at }) => Some(due_at),
            Some(_) => None,
            None => self.first.then(|| self.first_due(policy)),
        }
    }

    /// How many of its attempts were made by its schedule, of those recorded up to a place.
    #[must_use]
    pub fn scheduled_up_to(&self, place: Place) -> usize {
        let recorded = self.attempts.iter().filter(|(at, _)| *at <= place);
        recorded
            .filter(|(_, attempt)| attempt.trigger == Trigger::Scheduled)
            .count()
    }
}
