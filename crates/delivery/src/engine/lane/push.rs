//! Jobs that come into a lane's queue.

use fanfare_app::fault::{Fault, planted};
use fanfare_domain::breaker::Passage;
use fanfare_domain::id::DeliveryId;

use super::{Lane, State};
use crate::engine::Shared;
use crate::engine::job::Job;

/// What became of a job offered to a lane.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::engine) enum Pushed {
    /// It is in the queue.
    Queued,
    /// It is in the queue, and a worker has to be started.
    StartWorker,
    /// There is no room.
    Full,
}

impl Lane {
    /// Offers a fresh job. `room` is how many jobs the queue may hold, `start` the limit of a new lane.
    ///
    /// It is refused while the store holds older ones that are due, so that nothing overtakes them for
    /// long, and while nothing may be sent.
    pub(in crate::engine) fn push(
        &self,
        job: Job,
        room: usize,
        start: usize,
        shared: &Shared,
    ) -> Pushed {
        let now = shared.parts.clock.now();
        let shut = self.is_troubled()
            && matches!(shared.health.passage(self.endpoint, now), Passage::Shut(_));
        let mut state = self.state.lock();
        let behind = state.store_due.is_some_and(|due| due <= now);
        if behind || shut || state.queue.len() >= room {
            return Pushed::Full;
        }
        state.queue.push_back(job);
        state.start_worker(start)
    }

    /// Takes a job that was read from the store: there is room, since a refill begins at half the queue
    /// and brings in one step.
    pub(in crate::engine) fn push_stored(&self, job: Job, start: usize) -> Pushed {
        let mut state = self.state.lock();
        state.queue.push_back(job);
        state.start_worker(start)
    }

    /// Puts a job first, whatever the room: for the few that somebody asked for.
    pub(in crate::engine) fn push_first(&self, job: Job, start: usize) -> Pushed {
        let mut state = self.state.lock();
        state.queue.push_front(job);
        state.start_worker(start)
    }

    /// Puts a queued job first, as an attempt that was asked for; none where it is not queued by itself: one in
    /// a batch is not sent alone while that is about to be.
    pub(in crate::engine) fn hasten(&self, id: DeliveryId, start: usize) -> Option<Pushed> {
        let mut state = self.state.lock();
        let is_it = |job: &Job| job.delivery_id() == id && job.batch.is_none();
        let place = state.queue.iter().position(is_it)?;
        let mut job = state.queue.remove(place)?;
        job.extra = true;
        state.queue.push_front(job);
        Some(state.start_worker(start))
    }
}

impl State {
    /// Counts a worker that is to be started, where the lane may have one more.
    pub(super) fn start_worker(&mut self, start: usize) -> Pushed {
        self.limit
            .begin(self.lowered.map_or(start, |limit| limit.min(start)));
        let below_limit = self.workers < self.limit.get() || planted(Fault::IgnoreConcurrency);
        if below_limit && !self.waits_for_slot {
            self.workers += 1;
            Pushed::StartWorker
        } else {
            Pushed::Queued
        }
    }
}
