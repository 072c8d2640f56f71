//! What a lane holds: a delivery whose attempt is due, with its event at hand.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use fanfare_app::directory::Target;
use fanfare_app::fault::{Fault, planted};
use fanfare_app::format::Parcel;
use fanfare_app::port::log::{Event, Position};
use fanfare_domain::delivery::{Delivery, DeliveryState, FailedReason};
use fanfare_domain::id::{DeliveryId, EndpointId};
use fanfare_domain::policy::DeliveryPolicy;
use fanfare_domain::time::Timestamp;
use tokio::sync::Notify;

use super::batch::Batch;
use super::lines::InLine;

/// Counts the bytes of payloads in memory.
#[derive(Debug)]
pub(super) struct Budget {
    used: AtomicUsize,
    most: usize,
    /// Whether something was left in the log for want of room.
    wanted: AtomicBool,
    /// Told when there is room again for what was left there.
    room: Arc<Notify>,
}

impl Budget {
    pub(super) fn new(most: usize, room: Arc<Notify>) -> Self {
        Self {
            used: AtomicUsize::new(0),
            most,
            wanted: AtomicBool::new(false),
            room,
        }
    }

    /// The bytes in memory.
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether more payloads may come into memory.
    pub(super) fn has_room(&self) -> bool {
        self.used() < self.most
    }

    /// Something was left in the log for want of room.
    pub(super) fn want_room(&self) {
        self.wanted.store(true, Ordering::Relaxed);
    }

    /// So many bytes are not in memory any more. Tells of room once half of it is free, so that what is
    /// read then is many events at a time.
    fn free(&self, bytes: usize) {
        let left = self.used.fetch_sub(bytes, Ordering::Relaxed) - bytes;
        if left <= self.most / 2
            && self.wanted.load(Ordering::Relaxed)
            && self.wanted.swap(false, Ordering::Relaxed)
        {
            self.room.notify_one();
        }
    }
}

/// What an event takes besides its data: its struct, ids and bookkeeping.
const OVERHEAD: usize = 512;

/// An event in memory; its bytes count until the last delivery lets go of it.
#[derive(Debug)]
pub(super) struct Shipment {
    pub(super) parcel: Parcel,
    bytes: usize,
    budget: Arc<Budget>,
}

impl Shipment {
    pub(super) fn new(event: Arc<Event>, budget: &Arc<Budget>) -> Arc<Self> {
        // Twice the data: as it came, and in the body that is sent.
        let bytes = 2 * event.data.len() + OVERHEAD;
        budget.used.fetch_add(bytes, Ordering::Relaxed);
        Arc::new(Self {
            parcel: Parcel::new(event),
            bytes,
            budget: Arc::clone(budget),
        })
    }

    pub(super) fn event(&self) -> &Event {
        &self.parcel.event
    }
}

impl Drop for Shipment {
    fn drop(&mut self) {
        if planted(Fault::LeakBytes) {
            return;
        }
        self.budget.free(self.bytes);
    }
}

/// Where a job comes from.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// From the commit: the event's target at this place, at this position of the log. It may have
    /// no row yet.
    Fresh { position: Position, place: u16 },
    /// From its row in the store.
    Stored(Box<Delivery>),
}

/// A delivery whose attempt is due.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) shipment: Arc<Shipment>,
    pub(super) origin: Origin,
    /// Whether the attempt is one besides the schedule.
    pub(super) extra: bool,
    /// The batch that it leads; none where it goes by itself.
    pub(super) batch: Option<Box<Batch>>,
}

impl Job {
    /// The delivery's id.
    pub(super) fn delivery_id(&self) -> DeliveryId {
        match &self.origin {
            Origin::Fresh { place, .. } => self.shipment.event().id.delivery(*place),
            Origin::Stored(delivery) => delivery.id,
        }
    }

    /// Its place in the order of its endpoint; none where it stands in none. What is ordered comes from the
    /// store.
    pub(super) fn in_line(&self) -> Option<InLine> {
        match &self.origin {
            Origin::Fresh { .. } => None,
            Origin::Stored(delivery) => in_line(delivery),
        }
    }

    /// The place of the last one of its batch, or its own.
    pub(super) fn last_in_line(&self) -> Option<InLine> {
        let last = self.batch.as_ref().and_then(|batch| batch.rest.last());
        last.unwrap_or(self).in_line()
    }

    /// Whether the delivery's time was over at `now`.
    pub(super) fn expired(&self, now: Timestamp) -> bool {
        match &self.origin {
            Origin::Fresh { .. } => self
                .shipment
                .event()
                .expires_at
                .is_some_and(|end| end <= now),
            Origin::Stored(delivery) => delivery.expired(now),
        }
    }

    /// Whether no attempt was made yet, of any of its batch.
    pub(super) fn is_first(&self) -> bool {
        self.each().all(|job| match &job.origin {
            Origin::Fresh { .. } => true,
            Origin::Stored(delivery) => delivery.attempts == 0,
        })
    }

    /// The policy in force for it.
    pub(super) fn policy<'t>(&self, target: &'t Target) -> Cow<'t, DeliveryPolicy> {
        match &self.origin {
            Origin::Fresh { .. } => target.policy_of(&self.shipment.event().event_type),
            Origin::Stored(delivery) => target.policy_for(delivery),
        }
    }

    /// The end that it has come to because its time ran out; none while it has not.
    pub(super) fn overdue(&self, policy: &DeliveryPolicy, now: Timestamp) -> Option<DeliveryState> {
        let Origin::Stored(delivery) = &self.origin else {
            return None;
        };
        let over = !self.extra && policy.is_over(delivery.first_attempt_at, now);
        over.then_some(DeliveryState::Failed {
            at: now,
            reason: FailedReason::Exhausted,
        })
    }

    /// The delivery as it stood before this attempt.
    pub(super) fn delivery(&self, endpoint: EndpointId) -> Delivery {
        match &self.origin {
            Origin::Fresh { place, .. } => self.shipment.event().first_delivery(*place, endpoint),
            Origin::Stored(delivery) => delivery.as_ref().clone(),
        }
    }
}

/// The place of a row in the order of its endpoint.
pub(super) fn in_line(delivery: &Delivery) -> Option<InLine> {
    let turn = delivery.turn?;
    turn.strand.map(|strand| InLine {
        strand,
        position: turn.position,
    })
}
