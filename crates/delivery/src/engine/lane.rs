//! A lane: the deliveries of one endpoint that are due, and how many are sent at a time.

use std::collections::VecDeque;

use fanfare_app::fault::{Fault, planted};
use fanfare_domain::id::{DeliveryId, EndpointId};
use fanfare_domain::time::Timestamp;
use parking_lot::Mutex;

use super::held::Held;
use super::job::{Job, Origin};

/// How an attempt bore on its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pressure {
    /// It answered.
    Fine,
    /// It did not answer in time, or asked for less (429, 503).
    Overloaded,
}

/// The deliveries of one endpoint that are due.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) endpoint: EndpointId,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    queue: VecDeque<Job>,
    /// The rows that are in memory or being settled.
    held: Held,
    /// Workers of this lane.
    workers: usize,
    /// The most workers; rises by one with each good answer at full use, halves under pressure
    /// (additive increase, multiplicative decrease).
    limit: usize,
    /// When the store holds something due.
    store_due: Option<Timestamp>,
}

/// What became of a job offered to a lane.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It is in the queue.
    Queued,
    /// It is in the queue, and a worker has to be started.
    StartWorker,
    /// There is no room.
    Full,
}

/// What a refill has to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refill {
    /// How many rows are in memory already, which the read must look past.
    pub(super) rowed: usize,
    /// How many jobs to bring in.
    pub(super) step: usize,
}

/// The fewest jobs that a refill brings in, for lanes that have not made an attempt yet.
const LEAST_STEP: usize = 4;

impl Lane {
    pub(super) fn new(endpoint: EndpointId) -> Self {
        let state = State {
            queue: VecDeque::new(),
            held: Held::default(),
            workers: 0,
            limit: 0,
            store_due: None,
        };
        Self {
            endpoint,
            state: Mutex::new(state),
        }
    }

    /// Offers a fresh job. `room` is how many jobs the queue may hold, `start` the limit of a new lane.
    ///
    /// It is refused while the store holds older ones that are due, so that nothing overtakes them for
    /// long.
    pub(super) fn push(&self, job: Job, room: usize, start: usize, now: Timestamp) -> Pushed {
        let mut state = self.state.lock();
        let behind = state.store_due.is_some_and(|due| due <= now);
        if behind || state.queue.len() >= room {
            return Pushed::Full;
        }
        state.queue.push_back(job);
        state.start_worker(start)
    }

    /// Takes a job that was read from the store: there is room, since a refill begins at half the queue
    /// and brings in one step.
    pub(super) fn push_stored(&self, job: Job, start: usize) -> Pushed {
        let mut state = self.state.lock();
        state.queue.push_back(job);
        state.start_worker(start)
    }

    /// Puts a job first, whatever the room: for the few that somebody asked for.
    pub(super) fn push_first(&self, job: Job, start: usize) -> Pushed {
        let mut state = self.state.lock();
        state.queue.push_front(job);
        state.start_worker(start)
    }

    /// The next job for a worker; with none, the worker is counted off and must end.
    pub(super) fn next(&self, stopping: bool) -> Option<Job> {
        let mut state = self.state.lock();
        if !stopping
            && (state.workers <= state.limit || planted(Fault::IgnoreConcurrency))
            && let Some(job) = state.queue.pop_front()
        {
            return Some(job);
        }
        state.workers -= 1;
        if state.queue.is_empty() {
            // A lane may stand idle for days; its memory goes back.
            state.queue.shrink_to(8);
        }
        None
    }

    /// Learns how an attempt bore on the endpoint; answers whether one more worker has to be started.
    pub(super) fn adapt(&self, pressure: Pressure, most: usize) -> bool {
        let mut state = self.state.lock();
        match pressure {
            Pressure::Overloaded => {
                state.limit = (state.limit / 2).max(1);
                false
            }
            Pressure::Fine => {
                if state.workers >= state.limit && state.limit < most {
                    state.limit += 1;
                }
                let more = state.workers < state.limit && !state.queue.is_empty();
                if more {
                    state.workers += 1;
                }
                more
            }
        }
    }

    /// Takes every queued job out.
    pub(super) fn drain(&self) -> Vec<Job> {
        self.state.lock().queue.drain(..).collect()
    }

    /// Takes out the queued jobs whose time was over at `now`.
    pub(super) fn take_expired(&self, now: Timestamp) -> Vec<Job> {
        let mut state = self.state.lock();
        if !state.queue.iter().any(|job| job.expired(now)) {
            return Vec::new();
        }
        let (expired, rest) = state.queue.drain(..).partition(|job| job.expired(now));
        state.queue = rest;
        Vec::from_iter::<VecDeque<Job>>(expired)
    }

    /// The rows that are in memory or being settled.
    pub(super) fn held<T>(&self, change: impl FnOnce(&mut Held) -> T) -> T {
        change(&mut self.state.lock().held)
    }

    /// A job was settled, or is not in memory any more.
    pub(super) fn release(&self, origin: &Origin, id: DeliveryId) {
        self.state.lock().held.release(origin, id);
    }

    /// The store holds something due at `at`; answers whether that is sooner than known.
    pub(super) fn due_in_store(&self, at: Timestamp) -> bool {
        let mut state = self.state.lock();
        let sooner = state.store_due.is_none_or(|known| at < known);
        if sooner {
            state.store_due = Some(at);
        }
        sooner
    }

    /// Begins a refill, if something is due and the queue is low; `room` is how many jobs it may hold.
    ///
    /// A lane brings in what its workers take within about two attempts, so that a slow one holds
    /// little.
    pub(super) fn begin_refill(&self, now: Timestamp, room: usize) -> Option<Refill> {
        let mut state = self.state.lock();
        let due = state.store_due.is_some_and(|due| due <= now);
        if !due || state.held.refilling() || state.queue.len() > state.limit.min(room / 2) {
            return None;
        }
        state.held.begin_refill();
        // What is told from now on is newer than what the read will find.
        state.store_due = None;
        Some(Refill {
            rowed: state.held.len(),
            step: (2 * state.limit).max(LEAST_STEP),
        })
    }

    /// Lets go of queued jobs that have a row, but for those that its workers take next; answers
    /// whether there were any. They are due in the store again.
    pub(super) fn shed(&self) -> bool {
        let mut state = self.state.lock();
        let state = &mut *state;
        let keep = state.limit;
        if state.queue.len() <= keep {
            return false;
        }
        let before = state.queue.len();
        let mut place = 0;
        let held = &mut state.held;
        state.queue.retain(|job| {
            place += 1;
            let id = job.delivery_id();
            let has_row = match job.origin {
                Origin::Fresh { .. } => held.has_fresh(id),
                Origin::Stored(_) => true,
            };
            if place <= keep || job.extra || !has_row {
                return true;
            }
            held.release(&job.origin, id);
            false
        });
        state.queue.len() < before
    }

    /// When the store holds something due.
    pub(super) fn store_due(&self) -> Option<Timestamp> {
        self.state.lock().store_due
    }

    /// Whether nothing speaks for keeping the lane.
    pub(super) fn is_idle(&self) -> bool {
        let state = self.state.lock();
        state.queue.is_empty()
            && state.workers == 0
            && state.held.len() == 0
            && state.store_due.is_none()
            && !state.held.refilling()
    }
}

impl State {
    fn start_worker(&mut self, start: usize) -> Pushed {
        if self.limit == 0 {
            self.limit = start;
        }
        if self.workers < self.limit || planted(Fault::IgnoreConcurrency) {
            self.workers += 1;
            Pushed::StartWorker
        } else {
            Pushed::Queued
        }
    }
}
