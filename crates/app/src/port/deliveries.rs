//! The deliveries part: what became of each delivery, and when it is due.
//!
//! An event's first deliveries have no row when the event is appended: they follow from its targets.
//! A row appears when a delivery ends, when it has to wait, or when it has been on its way for a
//! while. The `materialised` position says how far in the log every delivery has its row; what comes
//! after it in the log is compared with the rows at the next start, and what has none goes on.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use fanfare_domain::attempt::{Attempt, ErrorKind};
use fanfare_domain::batch::InBatch;
use fanfare_domain::delivery::{Delivery, DiscardedReason, StateName};
use fanfare_domain::id::{AttemptId, BatchId, DeliveryId, EndpointId, EventId};
use fanfare_domain::name::{EventTypeName, Scope};
use fanfare_domain::order::{Ordering, Strand, Turn};
use fanfare_domain::time::Timestamp;

use super::jobs::Jobs;
use super::log::Position;
use super::wishes::Wishes;
use super::{Found, StoreError};
use crate::fault::{Fault, planted};

/// What happened to a delivery, to be recorded.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The delivery as it stands now. A row is made where there is none, and replaced where the old
    /// one waits; a row that ended stays as it is. One that knows of fewer attempts than the row was
    /// made before them: it may end the delivery, but neither makes it wait anew nor undoes what is
    /// known of the attempts. A row that is there keeps its turn, but for whether it holds its strand, and its
    /// place in a batch.
    ///
    /// A replay that is delivered lifts the hold of the delivery to the same endpoint of its event.
    pub delivery: Delivery,
    /// The attempt that led here.
    pub attempt: Option<Box<Attempt>>,
}

impl Settlement {
    /// Whether it makes a delivery that somebody is told of: one that repeats another and has not been
    /// attempted.
    #[must_use]
    pub fn makes_a_replay(&self) -> bool {
        !planted(Fault::ReplayUnsynced)
            && self.attempt.is_none()
            && self.delivery.replay_of.is_some()
            && self.delivery.attempts == 0
            && !self.delivery.state.ended()
    }
}

/// What became of a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It was recorded.
    Recorded,
    /// The delivery had ended before; the attempt was recorded, the state was left alone.
    HadEnded,
}

/// Deliveries of an endpoint that are due.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Due {
    /// Those due at the time asked for, the longest due first.
    pub deliveries: Vec<Delivery>,
    /// When the next after them is due; none when no other waits.
    pub next: Option<Timestamp>,
}

/// An endpoint that has waiting deliveries, and when the first of them is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingLane {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// When the first is due of those that are of no strand, or else the first one of the first strand.
    pub next: Timestamp,
    /// Whether some are of a strand.
    pub in_turn: bool,
}

/// Deliveries of a strand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InTurn {
    /// Those that wait, in order, whether they are due or not.
    pub deliveries: Vec<Delivery>,
    /// The delivery that holds the strand.
    pub held_by: Option<DeliveryId>,
    /// Whether some were left out, since earlier ones may come that are being committed.
    pub some_left_out: bool,
}

/// A delivery with the turn that it gets.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// Whose.
    pub scope: Scope,
    /// Which.
    pub id: DeliveryId,
    /// Its turn; none: it stands in no order.
    pub turn: Option<Turn>,
}

/// A count that costs no more than a bound, however many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// So many.
    Exact(u64),
    /// An estimate: more than were counted, and about so many.
    About(u64),
    /// So many were counted, and the rest was not.
    AtLeast(u64),
}

impl Count {
    /// How many, as well as is known.
    #[must_use]
    pub fn value(self) -> u64 {
        match self {
            Self::Exact(count) | Self::About(count) | Self::AtLeast(count) => count,
        }
    }

    /// Whether there are just so many.
    #[must_use]
    pub fn is_exact(self) -> bool {
        matches!(self, Self::Exact(_))
    }
}

impl Default for Count {
    fn default() -> Self {
        Self::Exact(0)
    }
}

/// Up to how many what waits is counted for [`Deliveries::backlog`].
pub const MOST_COUNTED: u64 = 10_000;

/// How much waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Rows that wait: exact up to [`MOST_COUNTED`].
    pub waiting: Count,
    /// When the oldest of them was made.
    pub oldest: Option<Timestamp>,
}

/// Which deliveries to list: newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryQuery {
    /// Whose.
    pub scope: Scope,
    /// Only of this event.
    pub event: Option<EventId>,
    /// Only to this endpoint.
    pub endpoint: Option<EndpointId>,
    /// Only in this state.
    pub state: Option<StateName>,
    /// Only of events of this type.
    pub event_type: Option<EventTypeName>,
    /// Only those whose last attempt had this kind of error.
    pub last_error: Option<ErrorKind>,
    /// Only those whose last attempt was answered by this status.
    pub last_status: Option<u16>,
    /// Only those made at this time or later.
    pub since: Option<Timestamp>,
    /// Only those made before this time.
    pub until: Option<Timestamp>,
    /// Only those whose id is lower, that is, after it in the list.
    pub before: Option<DeliveryId>,
    /// The most.
    pub limit: usize,
}

/// What happened at an endpoint within a minute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The minute, counted from the Unix epoch.
    pub minute: i64,
    /// Attempts that were answered as the policy wants.
    pub succeeded: u64,
    /// Attempts that were not.
    pub unsuccessful: u64,
    /// Deliveries that arrived.
    pub delivered: u64,
    /// Deliveries that failed for good.
    pub failed: u64,
    /// Deliveries that were discarded.
    pub discarded: u64,
    /// Milliseconds that all attempts took.
    pub duration_ms: u64,
}

/// What retention takes from the deliveries part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expired {
    /// Attempts of deliveries that were made before this time and do not wait.
    Attempts(Timestamp),
    /// Deliveries that were made before this time and do not wait, with their attempts.
    Deliveries(Timestamp),
    /// Tallies of minutes before this time.
    Tallies(Timestamp),
}

/// The deliveries part of the store.
#[async_trait]
pub trait Deliveries: Jobs + Wishes {
    /// Records what happened, with the tallies for each endpoint and minute, in one commit; answers
    /// one by one, in order. A given position becomes the materialised one in the same commit, if it
    /// is higher than the one before.
    ///
    /// What was recorded survives the end of the process. A power failure may take the latest back:
    /// the deliveries are then attempted again. A call without settlements, or with one that
    /// [makes a replay](Settlement::makes_a_replay), makes all before it durable, as does every write of
    /// the other parts in the same engine.
    ///
    /// Shared, so that the caller can try the same again when the store was not available.
    async fn settle(
        &self,
        settlements: Arc<Vec<Settlement>>,
        materialised: Option<Position>,
    ) -> Result<Vec<Settled>, StoreError>;

    /// How far in the log every delivery has its row.
    async fn materialised(&self) -> Result<Position, StoreError>;

    /// Whether every delivery up to a position in the log has its row, whichever node accepted its event.
    ///
    /// Unless told otherwise there is but one node.
    async fn have_all_rows(&self, up_to: Position) -> Result<bool, StoreError> {
        Ok(self.materialised().await? >= up_to)
    }

    /// Which of these deliveries have a row.
    async fn existing(
        &self,
        scope: &Scope,
        ids: &[DeliveryId],
    ) -> Result<HashSet<DeliveryId>, StoreError>;

    /// Waiting deliveries of an endpoint that are due at `now` and of no strand.
    async fn due(
        &self,
        endpoint: EndpointId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Due, StoreError>;

    /// Binds waiting deliveries of a tenant to a batch, in this order and in one commit, which is durable
    /// with all before it when it is answered. Those that do not wait any more, are of a batch, or of
    /// another strand by now, stay as they are; where that is so of the first, which leads the batch, none is
    /// bound. Answers those that were.
    ///
    /// So a batch is bound once: what a lost answer may have bound is never added to.
    async fn bind(
        &self,
        scope: &Scope,
        batch: BatchId,
        strand: Option<Strand>,
        members: Vec<DeliveryId>,
    ) -> Result<Vec<(DeliveryId, InBatch)>, StoreError>;

    /// The deliveries of a batch that wait, in their order.
    async fn members(&self, batch: BatchId) -> Result<Vec<Delivery>, StoreError>;

    /// Up to `limit` waiting deliveries, over all endpoints, whose `expires_at` is `now` or before it, the
    /// longest expired first.
    async fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, StoreError>;

    /// Endpoints that have waiting deliveries, by id, after one.
    async fn lanes(
        &self,
        after: Option<EndpointId>,
        limit: usize,
    ) -> Result<Vec<WaitingLane>, StoreError>;

    /// Up to `limit` deliveries of a strand from a position on, and what holds it.
    async fn in_turn(
        &self,
        endpoint: EndpointId,
        strand: Strand,
        from: Position,
        limit: usize,
    ) -> Result<InTurn, StoreError>;

    /// The first delivery of a strand, and what holds it, whichever node attempts them.
    ///
    /// Unless told otherwise there is but one node.
    async fn first_in_turn(
        &self,
        endpoint: EndpointId,
        strand: Strand,
    ) -> Result<InTurn, StoreError> {
        self.in_turn(endpoint, strand, Position::MIN, 1).await
    }

    /// Strands of an endpoint that a delivery waits in or holds, by number, after one.
    async fn strands(
        &self,
        endpoint: EndpointId,
        after: Option<Strand>,
        limit: usize,
    ) -> Result<Vec<Strand>, StoreError>;

    /// Up to `limit` waiting first deliveries of an endpoint whose turn is not of the form that this
    /// ordering wants: without one where there should be one, of the wrong strand, or of a strand where there
    /// should be none. A turn without a strand stands outside every order and is right.
    async fn out_of_turn(
        &self,
        endpoint: EndpointId,
        ordering: Ordering,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError>;

    /// Gives waiting rows their turns, in one commit; those that are gone or ended stay as they are, and those of
    /// a batch get no strand, so that a batch is never of two.
    async fn place(&self, placed: Vec<Placed>) -> Result<(), StoreError>;

    /// Up to `most` deliveries for each endpoint that failed and hold a strand of it.
    async fn holding(
        &self,
        endpoints: &[EndpointId],
        most: usize,
    ) -> Result<Vec<Delivery>, StoreError>;

    /// Lifts a delivery's hold on its strand; false where it holds none.
    async fn lift_hold(&self, scope: &Scope, id: DeliveryId) -> Result<bool, StoreError>;

    /// Lifts up to `limit` holds on an endpoint's strands; answers how many.
    async fn lift_holds(&self, endpoint: EndpointId, limit: usize) -> Result<usize, StoreError>;

    /// Ends up to `limit` waiting rows of an endpoint as discarded; answers how many it ended.
    async fn discard(
        &self,
        endpoint: EndpointId,
        reason: DiscardedReason,
        now: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError>;

    /// One delivery of a tenant; none where it has no row.
    async fn delivery(&self, scope: &Scope, id: DeliveryId)
    -> Result<Option<Delivery>, StoreError>;

    /// Deliveries of a tenant, newest first.
    async fn deliveries(&self, query: &DeliveryQuery) -> Result<Vec<Delivery>, StoreError>;

    /// The same, for as long as a page may take: where what is asked for is rare, the search stops after
    /// some thousand rows, and says where.
    ///
    /// Unless told otherwise it never stops.
    async fn search(
        &self,
        query: &DeliveryQuery,
    ) -> Result<Found<Delivery, DeliveryId>, StoreError> {
        let found = self.deliveries(query).await?;
        Ok(Found {
            found,
            stopped_at: None,
        })
    }

    /// Up to `limit` attempts of a delivery behind one of them, oldest first. All of them are behind that with
    /// the number 0.
    async fn attempts(
        &self,
        scope: &Scope,
        after: AttemptId,
        limit: usize,
    ) -> Result<Vec<Attempt>, StoreError>;

    /// Puts other bytes in the place of what an attempt was answered; false where there is no such attempt.
    async fn replace_response(
        &self,
        scope: &Scope,
        attempt: AttemptId,
        body: Vec<u8>,
    ) -> Result<bool, StoreError>;

    /// The tallies of an endpoint for minutes from `from` to before `to`, oldest first.
    async fn tallies(
        &self,
        endpoint: EndpointId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Tally>, StoreError>;

    /// How much waits, over all endpoints.
    async fn backlog(&self) -> Result<Backlog, StoreError>;

    /// How many deliveries wait for each of these tenants, in their order: exact up to the number beside it,
    /// or up to [`MOST_COUNTED`] where that is less and the store can estimate what is past it.
    async fn waiting_of(&self, tenants: &[(Scope, u64)]) -> Result<Vec<Count>, StoreError>;

    /// Which of these events have a delivery that waits.
    async fn waiting_events(&self, ids: &[EventId]) -> Result<HashSet<EventId>, StoreError>;

    /// Takes up to `limit` expired rows; answers how many it took. A delivery that holds its strand is
    /// not taken.
    async fn drop_expired(&self, expired: Expired, limit: usize) -> Result<usize, StoreError>;
}
