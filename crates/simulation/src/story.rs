//! The chronicle, put in order for the rules: what became of each delivery and of each request.

use std::collections::{BTreeMap, HashMap};
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

use crate::chronicle::Fact;
use crate::history::History;

pub(crate) mod lines;
mod requests;

pub(crate) use requests::Request;

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
                retries: false,
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

    /// Events whose publisher was told that they are accepted, with the place of each telling.
    pub fn accepted(&self) -> impl Iterator<Item = (Place, &'a Arc<Event>)> {
        let facts = self.history.facts.iter().enumerate();
        facts.filter_map(|(place, (_, fact))| match fact {
            Fact::Accepted(event) => Some((place, event)),
            _ => None,
        })
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

/// The endpoint that a change of the configuration leaves enabled, if it does.
pub(crate) fn opens(changed: &Changed) -> Option<EndpointId> {
    changes(changed).filter(|_| closes(changed).is_none())
}

impl Tale<'_> {
    /// Whether it was there before a place.
    #[must_use]
    pub fn was_made_before(&self, place: Place) -> bool {
        self.first || self.all_rows().any(|(at, _)| at < place)
    }

    /// What its row was made to be each time, also where a power failure took that back; in no order.
    pub fn all_rows(&self) -> impl Iterator<Item = (Place, &Delivery)> {
        let kept = self.rows.iter().map(|(at, row)| (*at, *row));
        let undone = self.undone.iter().map(|(at, row, _)| (*at, *row));
        kept.chain(undone)
    }

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
