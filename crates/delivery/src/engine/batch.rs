//! Batches: several deliveries of an endpoint in one request.
//!
//! A delivery to an endpoint that wants batches takes the way through the store: it gets its row at once, and
//! the lane's refill puts rows together ([`gather`]), when there are as many as the endpoint wants or the
//! first has waited for as long. What goes together is bound in the store before it is sent, so that a
//! retry, in this run or a later one, is of the same batch ([`again`]). In a lane a batch is one job: its
//! first delivery, which leads it, with the others.
//!
//! A batch never gets a further member. One that has ended meanwhile is left out, however it ended: nothing
//! is sent of a delivery after its end. So what a receiver has under a batch's id holds all that comes under
//! it again.
//!
//! Replays, what was tried by itself before, and extra attempts go alone. With an order, a batch is of one
//! line and has its deliveries in their order; the line has one batch under way.

use std::sync::Arc;
use std::time::Duration;

use fanfare_app::directory::Target;
use fanfare_app::fault::{Fault, planted};
use fanfare_app::format::Parcel;
use fanfare_domain::batch::Batching;
use fanfare_domain::delivery::{Delivery, DeliveryState};
use fanfare_domain::id::{BatchId, EndpointId};
use fanfare_domain::time::Timestamp;

use super::Shared;
use super::job::Job;
use super::lines::InLine;

pub(super) mod again;
pub(super) mod attempt;
pub(super) mod gather;
pub(super) mod refill;

/// What a job leads.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) id: BatchId,
    /// The others, in their order. They lead nothing.
    pub(super) rest: Vec<Job>,
}

impl Job {
    /// It, and the others of its batch.
    pub(super) fn each(&self) -> impl Iterator<Item = &Self> {
        let rest = self.batch.iter().flat_map(|batch| &batch.rest);
        std::iter::once(self).chain(rest)
    }

    /// The same, each by itself.
    pub(super) fn apart(mut self) -> impl Iterator<Item = Self> {
        let rest = self.batch.take().map(|batch| batch.rest);
        std::iter::once(self).chain(rest.into_iter().flatten())
    }

    /// Makes one of a batch's jobs; none where there are none.
    pub(super) fn together(id: BatchId, jobs: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut jobs = jobs.into_iter();
        let lead = jobs.next()?;
        let batch = Batch {
            id,
            rest: jobs.collect(),
        };
        Some(Self {
            batch: Some(Box::new(batch)),
            ..lead
        })
    }

    /// The places in a line of those that follow it in its batch.
    pub(super) fn followers_in_line(&self) -> Vec<InLine> {
        let rest = self.batch.iter().flat_map(|batch| &batch.rest);
        rest.filter_map(Self::in_line).collect()
    }

    /// What its batch sends.
    fn parcels(&self) -> Vec<&Parcel> {
        self.each().map(|job| &job.shipment.parcel).collect()
    }
}

/// The most events of a batch, and how long one waits for others.
fn bounds(batching: &Batching) -> (usize, Duration) {
    let mut most = usize::from(batching.max_events);
    let mut wait = batching.max_wait();
    if planted(Fault::OverfillBatch) {
        most *= 2;
    }
    if planted(Fault::ForgetGathered) {
        wait *= 100;
    }
    (most, wait)
}

/// So many deliveries that may join a batch have their rows, the first of them due then. Answers when the
/// store is to be read for them: at once where a batch is full.
pub(super) fn came(
    shared: &Shared,
    target: &Target,
    count: usize,
    first_due: Timestamp,
) -> Timestamp {
    let Some(batching) = target.batching() else {
        return first_due;
    };
    let (most, wait) = bounds(batching);
    let lane = shared.lanes.get(target.endpoint.id, &shared.health);
    if lane.gathers(count) >= most {
        first_due
    } else {
        first_due.after(wait)
    }
}

/// An endpoint was changed: what waits for others may be sent sooner.
pub(super) fn if_changed(shared: &Arc<Shared>, endpoint: EndpointId) {
    let Some(lane) = shared.lanes.find(endpoint) else {
        return;
    };
    if lane.gathers(0) > 0 {
        let now = shared.parts.clock.now();
        lane.lines_if_any(|lines| lines.look_at_all(now));
        shared.schedule(endpoint, now);
    }
}

/// When a delivery is due.
fn due_at(delivery: &Delivery) -> Timestamp {
    match delivery.state {
        DeliveryState::Waiting { due_at } => due_at,
        _ => Timestamp::default(),
    }
}
