//! A lane: the deliveries of one endpoint that are due, and how many are sent at a time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fanfare_app::directory::Target;
use fanfare_app::fault::{Fault, planted};
use fanfare_app::port::coordination::Epoch;
use fanfare_domain::breaker::Passage;
use fanfare_domain::delivery::{DeliveryState, DiscardedReason};
use fanfare_domain::id::{DeliveryId, EndpointId};
use fanfare_domain::name::Scope;
use fanfare_domain::rate::{Pace, RateLimit};
use fanfare_domain::time::Timestamp;
use parking_lot::Mutex;

use super::Shared;
use super::handover;
use super::health::Known;
use super::held::Held;
use super::job::{Job, Origin};
use super::limit::{Limit, Pressure};
use super::lines::Lines;
use super::slots::{Class, Slot};
use super::worker::unwanted;

mod order;
mod paced;
mod push;
mod refill;
mod withdraw;

pub(super) use push::Pushed;
pub(super) use refill::Refill;

/// The deliveries of one endpoint that are due.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) endpoint: EndpointId,
    /// Whether the endpoint is in the health book. Without, nothing of it is asked.
    troubled: AtomicBool,
    /// Whether its last attempt failed.
    failing: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    queue: VecDeque<Job>,
    /// The rows that are in memory or being settled.
    held: Held,
    /// Workers of this lane.
    workers: usize,
    /// The most workers.
    limit: Limit,
    /// What an earlier lane of the endpoint was down to, where that gives trouble.
    lowered: Option<usize>,
    /// Whether the lane waits for a slot: its turn starts the next worker.
    waits_for_slot: bool,
    /// The endpoint's rate, as it was when its lane last looked.
    rate: Option<RateLimit>,
    /// How far that is used up.
    pace: Option<Pace>,
    /// As which owner that was.
    paced_as: Epoch,
    /// When the store holds something due that stands in no order.
    store_due: Option<Timestamp>,
    /// The lines of an endpoint whose deliveries stand in an order; none elsewhere.
    lines: Option<Box<Lines>>,
    /// How many deliveries wait in the store to be put into batches, about.
    gathered: usize,
}

/// What a worker does next.
#[derive(Debug)]
pub(super) enum Next {
    /// An attempt.
    Attempt(Box<Turn>),
    /// It records that deliveries, several only of a batch, came to their end without an attempt.
    Void {
        /// What is at its end.
        jobs: Vec<Job>,
        /// Which.
        end: DeliveryState,
    },
    /// It gives its slot back and asks again: the slot is none for what is next.
    GiveBack,
    /// It ends: its lane waits for a slot.
    Wait {
        /// Whose lane it is.
        tenant: Scope,
        /// What for.
        class: Class,
    },
    /// It ends.
    End {
        /// When the lane wants to be woken for what it has in memory.
        wake_at: Option<Timestamp>,
    },
}

/// What a worker makes an attempt of.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) job: Job,
    pub(super) target: Arc<Target>,
    /// When it begins.
    pub(super) now: Timestamp,
    pub(super) slot: Slot,
    /// Whether it finds out for a breaker.
    pub(super) probe: bool,
    /// When the rate lets the next one begin, if there is one.
    pub(super) wake_at: Option<Timestamp>,
}

impl Lane {
    pub(super) fn new(endpoint: EndpointId, known: Known) -> Self {
        let state = State {
            queue: VecDeque::new(),
            held: Held::default(),
            workers: 0,
            limit: Limit::default(),
            lowered: known.limit,
            waits_for_slot: false,
            rate: None,
            pace: None,
            paced_as: 0,
            store_due: None,
            lines: None,
            gathered: 0,
        };
        Self {
            endpoint,
            troubled: AtomicBool::new(known.troubled),
            failing: AtomicBool::new(known.failing),
            state: Mutex::new(state),
        }
    }

    /// The next job for a worker, with what it needs; with none, the worker is counted off and must
    /// end. `slot` is one that the worker has; it is taken out when it is used.
    pub(super) fn next(&self, shared: &Shared, slot: &mut Option<Slot>) -> Next {
        let mut state = self.state.lock();
        let state = &mut *state;
        let over_limit = state.workers > state.limit.get() && !planted(Fault::IgnoreConcurrency);
        if shared.stopping() || over_limit {
            return state.end(None);
        }
        let now = shared.parts.clock.now();
        state.drop_doubtful(now);
        let Some(job) = state.queue.front() else {
            return state.end(None);
        };
        if job.each().any(|each| each.expired(now)) && !planted(Fault::IgnoreExpiry) {
            let reason = DiscardedReason::Expired;
            let end = DeliveryState::Discarded { at: now, reason };
            return state.void(end, now, |each| each.expired(now));
        }
        let target = shared.parts.directory.target(self.endpoint);
        let target = match (unwanted(target.as_deref()), target) {
            (None, Some(target)) => target,
            (reason, _) => {
                let reason = reason.unwrap_or(DiscardedReason::EndpointDeleted);
                return state.void(DeliveryState::Discarded { at: now, reason }, now, |_| true);
            }
        };
        if state.is_being_placed() && !job.extra {
            // Whoever places it wakes the lane.
            return state.end(None);
        }
        let policy = job.policy(&target);
        let end = job.each().find_map(|each| each.overdue(&policy, now));
        if let Some(end) = end {
            return state.void(end, now, |each| each.overdue(&policy, now).is_some());
        }
        let owned = match target.endpoint.served_by_one() {
            true => shared.parts.coordination.owns(self.endpoint),
            false => None,
        };
        if target.endpoint.served_by_one() && owned.is_none() {
            handover::empty(shared, self.endpoint);
            return state.end(None);
        }
        if owned.is_some() && !shared.parts.coordination.may_send() {
            // Not with a rate's leave of now: all that waited would go at once.
            return state.end(Some(now.after(handover::PAUSED)));
        }
        let mut probe = false;
        if self.is_troubled() && !job.extra {
            match shared.health.passage(self.endpoint, now) {
                Passage::Free => {}
                Passage::Probe => probe = true,
                Passage::Shut(_) if planted(Fault::IgnoreBreaker) => {}
                Passage::Shut(until) => return state.end(until),
            }
        }
        state.rate = target.endpoint.rate_limit;
        if let Some(limit) = &target.endpoint.rate_limit
            && !planted(Fault::IgnoreRate)
        {
            let epoch = owned.map_or(0, |owned| owned.epoch);
            if state.paced_as != epoch {
                state.paced_as = epoch;
                state.pace = None;
            }
            // What was sent before the start, or by the owner before, is not known; an endpoint made since
            // has got nothing.
            let since_start = target.endpoint.created_at >= shared.began;
            let taken_over = owned.and_then(|owned| owned.taken_over);
            let pace = state.pace.get_or_insert_with(|| match taken_over {
                Some(age) => Pace::used_up(limit, now.before(age)),
                None if since_start => Pace::default(),
                None => Pace::used_up(limit, shared.began),
            });
            let ready_at = pace.ready_at(limit, now);
            if ready_at > now {
                return state.end(Some(ready_at));
            }
        }
        // Asked before a slot is: a lane that may not send must not keep one from another.
        if let Some(ready_at) = target.tenant_pace.wait_until(now, shared.began)
            && !planted(Fault::IgnoreRate)
        {
            return state.end(Some(ready_at));
        }
        let first = job.is_first() && !self.failing.load(Ordering::Relaxed);
        let class = if first || planted(Fault::IgnoreReserve) {
            Class::First
        } else {
            Class::Later
        };
        if slot.as_ref().is_some_and(|slot| !slot.serves(class)) {
            return Next::GiveBack;
        }
        let given_back = &mut *slot;
        let slot = match given_back.take() {
            Some(slot) => slot,
            None => match shared.slots.take(class) {
                Some(slot) => slot,
                None => return state.wait_for_slot(class),
            },
        };
        if let Err(ready_at) = target.tenant_pace.take(now, shared.began)
            && !planted(Fault::IgnoreRate)
        {
            *given_back = Some(slot);
            return state.end(Some(ready_at));
        }
        let wake_at = target.endpoint.rate_limit.as_ref().and_then(|limit| {
            let pace = state.pace.as_mut()?;
            pace.take(limit, now);
            (state.queue.len() > 1).then(|| pace.ready_at(limit, now))
        });
        if probe && !planted(Fault::ProbeWithAll) {
            shared.health.begin_probe(self.endpoint);
        }
        match state.queue.pop_front() {
            Some(job) => Next::Attempt(Box::new(Turn {
                job,
                target,
                now,
                slot,
                probe,
                wake_at,
            })),
            // Never: it was there a moment ago, and the lane is locked.
            None => state.end(None),
        }
    }

    /// The lane's turn for a slot has come; answers whether a worker has to be started with it.
    pub(super) fn take_turn(&self) -> bool {
        let mut state = self.state.lock();
        state.waits_for_slot = false;
        let wanted = !state.queue.is_empty() && state.workers < state.limit.get();
        state.workers += usize::from(wanted);
        wanted
    }

    /// The time has come that something of the lane waited for; answers whether a worker has to be
    /// started.
    pub(super) fn wake(&self) -> bool {
        let mut state = self.state.lock();
        let wanted =
            !state.queue.is_empty() && !state.waits_for_slot && state.workers < state.limit.get();
        state.workers += usize::from(wanted);
        wanted
    }

    /// Whether the endpoint is in the health book.
    pub(super) fn is_troubled(&self) -> bool {
        self.troubled.load(Ordering::Relaxed)
    }

    /// What the health book says of the endpoint changed.
    pub(super) fn know(&self, known: Known) {
        self.troubled.store(known.troubled, Ordering::Relaxed);
        self.failing.store(known.failing, Ordering::Relaxed);
    }

    /// One request at a time from now on, until answers let it rise.
    pub(super) fn restart_limit(&self) {
        self.state.lock().limit.restart();
    }

    /// How many requests at a time it has come to; 0 where it made none.
    pub(super) fn limit(&self) -> usize {
        self.state.lock().limit.get()
    }

    /// Whether jobs wait in memory.
    pub(super) fn has_queued(&self) -> bool {
        !self.state.lock().queue.is_empty()
    }

    /// Learns how an attempt bore on the endpoint; answers whether one more worker has to be started.
    pub(super) fn adapt(&self, pressure: Pressure, most: usize) -> bool {
        let mut state = self.state.lock();
        let in_use = state.workers;
        if pressure == Pressure::Fine || !planted(Fault::IgnorePressure) {
            state.limit.learn(pressure, in_use, most);
        }
        let more = pressure == Pressure::Fine
            && !state.waits_for_slot
            && state.workers < state.limit.get()
            && !state.queue.is_empty();
        state.workers += usize::from(more);
        more
    }

    /// The rows that are in memory or being settled.
    pub(super) fn held<T>(&self, change: impl FnOnce(&mut Held) -> T) -> T {
        change(&mut self.state.lock().held)
    }

    /// A job was settled, or is not in memory any more.
    pub(super) fn release(&self, origin: &Origin, id: DeliveryId) {
        self.state.lock().held.release(origin, id);
    }

    /// Whether nothing of it is in memory or under way, so that another node may serve the endpoint; its lines
    /// are forgotten then.
    pub(super) fn has_let_go(&self) -> bool {
        let mut state = self.state.lock();
        let quiet = state.queue.is_empty()
            && state.workers == 0
            && state.held.len() == 0
            && !state.held.refilling()
            && state.lines.as_ref().is_none_or(|lines| lines.are_at_rest());
        if quiet {
            state.lines = None;
        }
        quiet
    }

    /// Whether nothing speaks for keeping the lane.
    pub(super) fn is_idle(&self, now: Timestamp) -> bool {
        let state = self.state.lock();
        state.queue.is_empty()
            && state.lines.as_ref().is_none_or(|lines| lines.is_idle())
            && state.pace.is_none_or(|pace| pace.is_whole(now))
            && state.workers == 0
            && state.held.len() == 0
            && state.store_due.is_none()
            && !state.held.refilling()
    }
}

impl State {
    /// Lets go of the first jobs as long as the store may have ended them: they are due there, if they
    /// still wait.
    fn drop_doubtful(&mut self, now: Timestamp) {
        let doubts = |held: &Held, job: &Job| held.doubts(&job.origin, job.delivery_id());
        while let Some(job) = self.queue.front()
            && job.each().any(|each| doubts(&self.held, each))
        {
            if let Some(job) = self.queue.pop_front() {
                self.let_go(&job, now);
            }
        }
    }

    /// Lets go of a job that left the queue without an attempt: it is due in the store.
    fn let_go(&mut self, job: &Job, now: Timestamp) {
        self.release_all([job]);
        match (job.in_line(), &mut self.lines) {
            (Some(at), Some(lines)) => {
                let behind = lines.let_go(at, now);
                self.release_all(&behind);
            }
            _ => self.store_due = Some(now),
        }
    }

    /// Jobs are not in memory any more.
    fn release_all<'a>(&mut self, jobs: impl IntoIterator<Item = &'a Job>) {
        for job in jobs.into_iter().flat_map(Job::each) {
            self.held.release(&job.origin, job.delivery_id());
        }
    }

    /// Counts a worker off.
    fn end(&mut self, wake_at: Option<Timestamp>) -> Next {
        self.workers -= 1;
        if self.queue.is_empty() {
            // A lane may stand idle for days; its memory goes back.
            self.queue.shrink_to(8);
        }
        Next::End { wake_at }
    }

    /// Counts a worker off whose lane has to wait for a slot.
    fn wait_for_slot(&mut self, class: Class) -> Next {
        self.workers -= 1;
        if self.waits_for_slot {
            return Next::End { wake_at: None };
        }
        let Some(job) = self.queue.front() else {
            return Next::End { wake_at: None };
        };
        self.waits_for_slot = true;
        Next::Wait {
            tenant: job.shipment.event().scope.clone(),
            class,
        }
    }

    /// Takes the first job out; those of it that are meant come to this end without an attempt.
    fn void(&mut self, end: DeliveryState, now: Timestamp, ends: impl Fn(&Job) -> bool) -> Next {
        match self.queue.pop_front() {
            Some(job) => Next::Void {
                jobs: self.take_apart(job, now, ends),
                end,
            },
            None => self.end(None),
        }
    }
}
