//! The log part: events with their resolved targets, appended and read in order.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use fanfare_domain::delivery::{Delivery, DeliveryState};
use fanfare_domain::event::{Attributes, check_event_id};
use fanfare_domain::id::{DeliveryId, EndpointId, EventId};
use fanfare_domain::name::{EventTypeName, Scope};
use fanfare_domain::order::{Ordering, Turn};
use fanfare_domain::time::Timestamp;

use super::{Found, StoreError};

/// An event as it was accepted; immutable.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Names it; its deliveries' ids follow from it.
    pub id: EventId,
    /// Whose it is.
    pub scope: Scope,
    /// The id that the caller chose, unique for the tenant while the event is kept.
    pub uid: Option<String>,
    /// Its type.
    pub event_type: EventTypeName,
    /// Its kind within the type.
    pub subcategory: Option<String>,
    /// What endpoints can ask for besides the type.
    pub attributes: Attributes,
    /// What it is ordered by at endpoints that order by key.
    pub ordering_key: Option<String>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// Before when nothing of it is sent; none: it is due when it is accepted.
    pub deliver_at: Option<Timestamp>,
    /// When its first deliveries end if they have not ended before.
    pub expires_at: Option<Timestamp>,
    /// When its data is forgotten, if the operator's retention has not taken it before.
    pub data_until: Option<Timestamp>,
    /// The data, as the bytes that came in. Empty once its retention is over, see [`Event::payload_gone`].
    pub data: Bytes,
    /// The endpoints that matched, in the order of their deliveries' places.
    pub targets: Vec<EndpointId>,
}

impl Event {
    /// The id that callers and receivers see: the caller's own where it chose one.
    #[must_use]
    pub fn public_id(&self) -> String {
        // One that was taken by a dialect's rules may be none that native receivers can verify.
        let sendable = |uid: &&String| check_event_id(uid).is_ok();
        let uid = self.uid.as_ref().filter(sendable);
        uid.cloned().unwrap_or_else(|| self.id.to_string())
    }

    /// From when on its deliveries are due, the first wait of their policy aside.
    #[must_use]
    pub fn due_from(&self) -> Timestamp {
        match self.deliver_at {
            Some(at) => at.max(self.created_at),
            None => self.created_at,
        }
    }

    /// Where its first deliveries stand in an order; none where there is none. One for a later time stands
    /// outside, since it would stop everything published after it until then.
    #[must_use]
    pub fn turn(&self, position: Position, ordering: Ordering) -> Option<Turn> {
        let turn = ordering.turn(position, self.ordering_key.as_deref())?;
        if self.due_from() > self.created_at {
            return Some(Turn::outside(position));
        }
        Some(turn)
    }

    /// The first delivery at a place before any attempt, in no order.
    #[must_use]
    pub fn first_delivery(&self, place: u16, endpoint: EndpointId) -> Delivery {
        Delivery {
            id: self.id.delivery(place),
            scope: self.scope.clone(),
            event: self.id,
            event_type: self.event_type.clone(),
            endpoint,
            state: DeliveryState::Waiting {
                due_at: self.due_from(),
            },
            attempts: 0,
            extra_attempts: 0,
            replay_of: None,
            created_at: self.created_at,
            expires_at: self.expires_at,
            first_attempt_at: None,
            last_status: None,
            last_error: None,
            turn: None,
            batch: None,
        }
    }

    /// Whether the data is not kept any more. JSON data is never empty.
    #[must_use]
    pub fn payload_gone(&self) -> bool {
        self.data.is_empty()
    }

    /// The first deliveries, with the endpoint of each.
    pub fn deliveries(&self) -> impl Iterator<Item = (DeliveryId, EndpointId)> + '_ {
        (0u16..)
            .zip(&self.targets)
            .map(|(place, endpoint)| (self.id.delivery(place), *endpoint))
    }
}

/// Where an event stands in the log: higher means later. Never used twice.
pub type Position = i64;

/// The digest of an `Idempotency-Key` with all that it counts for (the key that called, the path).
pub type IdempotencyDigest = [u8; 32];

/// The digest of what an event says: equal for a repetition, different for other content.
pub type ContentDigest = [u8; 16];

/// An event to be appended.
#[derive(Clone, Debug)]
pub struct Append {
    /// The event.
    pub event: Arc<Event>,
    /// The request's `Idempotency-Key`, until when it counts, and what its body said.
    pub idempotency: Option<Idempotency>,
    /// What the event says; needed where it has a `uid`.
    pub content: Option<ContentDigest>,
    /// Its deliveries that stand in an order, whose positions are not known yet, for a log that
    /// [keeps turns](Log::keeps_turns); nothing for others.
    pub in_turn: Vec<Delivery>,
}

/// An `Idempotency-Key` of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The key with all that it counts for.
    pub digest: IdempotencyDigest,
    /// What the request's body said.
    pub content: ContentDigest,
    /// From when on the key may be used for something else.
    pub expires_at: Timestamp,
}

/// What became of an event to be appended. Each answer is durable when it is given.
#[derive(Clone, Debug, PartialEq)]
pub enum Appended {
    /// It is in the log, there.
    At(Position),
    /// An equal one was there before: by its `uid` or its `Idempotency-Key`. Nothing was added.
    Twin(Arc<Event>),
    /// The `uid` stands for an event that says something else. Nothing was added.
    UidTaken,
    /// The `Idempotency-Key` was used with another body. Nothing was added.
    KeyReused,
}

/// Which events to list: newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct EventQuery {
    /// Whose.
    pub scope: Scope,
    /// Only of this type.
    pub event_type: Option<EventTypeName>,
    /// Only those accepted at this time or later.
    pub since: Option<Timestamp>,
    /// Only those accepted before this time.
    pub until: Option<Timestamp>,
    /// Only those whose id is lower, that is, after it in the list.
    pub before: Option<EventId>,
    /// The most.
    pub limit: usize,
}

/// Which events come next: oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct EventWalk {
    /// Whose.
    pub scope: Scope,
    /// Only those accepted at this time or later.
    pub since: Timestamp,
    /// Only those accepted before this time.
    pub until: Timestamp,
    /// Only those whose id is higher.
    pub after: Option<EventId>,
    /// The most.
    pub limit: usize,
}

/// What retention takes from the log part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Old {
    /// Payloads of events that are kept otherwise.
    Payloads,
    /// Events, with their payloads.
    Events,
}

/// Which event is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventRef {
    /// By Fanfare's own id.
    Id(EventId),
    /// By the caller's.
    Uid(String),
}

/// The log part of the store.
#[async_trait]
pub trait Log: Send + Sync + 'static {
    /// Whether appending gives the deliveries that stand in an order their rows in the same commit. Where
    /// nodes share a log that is what lets an endpoint's owner know of all that others accepted before.
    fn keeps_turns(&self) -> bool {
        false
    }

    /// Appends events in one commit, each with its own answer, in order.
    ///
    /// Twins are found inside the commit, also among the events of one call and of calls that wait at
    /// the same time: a twin is answered only after the first one is durable.
    async fn append(&self, events: Vec<Append>) -> Result<Vec<Appended>, StoreError>;

    /// Events after a position, in order, with the position of each.
    async fn read_after(
        &self,
        position: Position,
        limit: usize,
    ) -> Result<Vec<(Position, Arc<Event>)>, StoreError>;

    /// Positions behind one that have events, in order. None is left out that is lower than the last of
    /// them, nor, where fewer than `limit` are answered, one that anybody had been told of before.
    async fn positions_after(
        &self,
        position: Position,
        limit: usize,
    ) -> Result<Vec<Position>, StoreError>;

    /// One event of a tenant; none where the tenant has no such event.
    async fn event(
        &self,
        scope: &Scope,
        event: &EventRef,
    ) -> Result<Option<Arc<Event>>, StoreError>;

    /// Events of a tenant by id, in no particular order; those that are gone are left out.
    async fn events_by_id(
        &self,
        scope: &Scope,
        ids: &[EventId],
    ) -> Result<Vec<Arc<Event>>, StoreError>;

    /// Where these events of a tenant stand in the log; those that are gone are left out.
    async fn positions(
        &self,
        scope: &Scope,
        ids: &[EventId],
    ) -> Result<Vec<(EventId, Position)>, StoreError>;

    /// Events of a tenant, newest first.
    async fn events(&self, query: &EventQuery) -> Result<Vec<Arc<Event>>, StoreError>;

    /// The same, for as long as a page may take: where the type that is asked for is rare, the search stops
    /// after some thousand events, and says where.
    ///
    /// Unless told otherwise it never stops.
    async fn search(&self, query: &EventQuery) -> Result<Found<Arc<Event>, EventId>, StoreError> {
        let found = self.events(query).await?;
        Ok(Found {
            found,
            stopped_at: None,
        })
    }

    /// Events of a tenant, oldest first.
    async fn events_from(&self, walk: &EventWalk) -> Result<Vec<Arc<Event>>, StoreError>;

    /// Which of these events have their payload.
    async fn with_payload(
        &self,
        scope: &Scope,
        ids: &[EventId],
    ) -> Result<HashSet<EventId>, StoreError>;

    /// The highest position that any event ever had.
    async fn end(&self) -> Result<Position, StoreError>;

    /// Forgets what belongs to events of days that ended before a time, where the store keeps days
    /// apart, all but what a delivery waits for; false where it does not keep them apart, and what is
    /// old has to be looked for.
    async fn drop_days(&self, _what: Old, _before: Timestamp) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Ids of up to `limit` events accepted before a time, after a position, in order.
    async fn accepted_before(
        &self,
        time: Timestamp,
        after: Position,
        limit: usize,
    ) -> Result<Vec<(Position, EventId)>, StoreError>;

    /// Ids of up to `limit` events with a payload whose own `data_until` is `now` or before it, the longest
    /// past first.
    async fn data_past(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Position, EventId)>, StoreError>;

    /// Forgets the payloads of these events, keeping the events.
    async fn drop_payloads(&self, positions: Vec<Position>) -> Result<(), StoreError>;

    /// Forgets these events.
    async fn drop_events(&self, positions: Vec<Position>) -> Result<(), StoreError>;

    /// Forgets up to `limit` idempotency keys that have expired; answers how many.
    async fn drop_expired_keys(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError>;
}
