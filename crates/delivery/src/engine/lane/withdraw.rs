//! Taking jobs out of a lane that are not to be sent now.
//!
//! What stands behind the first of a line is a window of the store: it goes first, and is read again.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use fanfare_domain::id::DeliveryId;
use fanfare_domain::time::Timestamp;

use super::{Lane, State};
use crate::engine::job::{Job, Origin};
use crate::engine::tracker::Lingering;

impl Lane {
    /// Takes out what is queued and was not asked for, since nothing of it may begin now: what has a
    /// row is let go of, what has none is answered. `None` for the former. With `asked_for`, that too.
    pub(in crate::engine) fn empty(
        &self,
        now: Timestamp,
        asked_for: bool,
    ) -> Vec<Option<Lingering>> {
        let mut state = self.state.lock();
        let state = &mut *state;
        let mut emptied = Vec::new();
        for job in std::mem::take(&mut state.queue) {
            if job.extra && !asked_for {
                state.queue.push_back(job);
                continue;
            }
            let id = job.delivery_id();
            emptied.push(match job.origin {
                Origin::Fresh { position, place } if !state.held.has_fresh(id) => Some(Lingering {
                    position,
                    place,
                    shipment: Arc::clone(&job.shipment),
                }),
                _ => {
                    state.let_go(&job, now);
                    None
                }
            });
        }
        emptied
    }

    /// Takes every queued job out.
    pub(in crate::engine) fn drain(&self, now: Timestamp) -> Vec<Job> {
        let mut state = self.state.lock();
        if let Some(lines) = &mut state.lines {
            let behind = lines.break_off(now);
            state.release_all(&behind);
        }
        state.queue.drain(..).collect()
    }

    /// Takes out the queued jobs whose time was over at `now`.
    pub(in crate::engine) fn take_expired(&self, now: Timestamp) -> Vec<Job> {
        let mut state = self.state.lock();
        let expired = |job: &Job| job.each().any(|each| each.expired(now));
        if !state.queue.iter().any(expired) {
            return Vec::new();
        }
        let (taken, rest): (VecDeque<_>, _) = state.queue.drain(..).partition(expired);
        state.queue = rest;
        let apart = |job| state.take_apart(job, now, |each| each.expired(now));
        taken.into_iter().flat_map(apart).collect()
    }

    /// Takes out the queued jobs of these deliveries that have a row; they are held still.
    pub(in crate::engine) fn take_rowed(
        &self,
        wanted: &HashSet<DeliveryId>,
        now: Timestamp,
    ) -> Vec<Job> {
        let mut state = self.state.lock();
        let state = &mut *state;
        let mut all = Vec::new();
        if let Some(lines) = &mut state.lines {
            let is_wanted = |job: &Job| wanted.contains(&job.delivery_id());
            for job in lines.break_off_where(now, is_wanted) {
                if is_wanted(&job) {
                    all.push(job);
                } else {
                    state.held.release(&job.origin, job.delivery_id());
                }
            }
        }
        let held = &state.held;
        let is_taken = |job: &Job| {
            let id = job.delivery_id();
            wanted.contains(&id) && held.has_row(&job.origin, id)
        };
        let taken = |job: &Job| job.each().any(is_taken);
        if !state.queue.iter().any(taken) {
            return all;
        }
        let (taken, rest): (VecDeque<Job>, _) = state.queue.drain(..).partition(taken);
        state.queue = rest;
        for job in taken {
            if let (Some(at), Some(lines)) = (job.in_line(), &mut state.lines) {
                let behind = lines.let_go(at, now);
                state.release_all(&behind);
            }
            // The others of its batch are read again with what is left of it.
            let is_wanted = |job: &Job| wanted.contains(&job.delivery_id());
            let (wanted, rest): (Vec<_>, Vec<_>) = job.apart().partition(is_wanted);
            state.release_all(&rest);
            all.extend(wanted);
        }
        all
    }

    /// Lets go of queued jobs that have a row, but for those that its workers take next, of which there are
    /// none before its rate lets one begin; answers when what was let go of, if anything, is to be read again.
    /// It is due in the store.
    pub(in crate::engine) fn shed(&self, now: Timestamp) -> Option<Timestamp> {
        let mut state = self.state.lock();
        let state = &mut *state;
        let paced_until = state.paced_until(now);
        let keep = match paced_until {
            Some(_) => 0,
            None => state.limit.get(),
        };
        let mut any = false;
        if let Some(lines) = &mut state.lines {
            let behind = lines.break_off(now);
            any = !behind.is_empty();
            state.release_all(&behind);
        }
        if state.queue.len() <= keep {
            return any.then_some(now);
        }
        for (place, job) in std::mem::take(&mut state.queue).into_iter().enumerate() {
            let has_row = state.held.has_row(&job.origin, job.delivery_id());
            if place < keep || job.extra || !has_row {
                state.queue.push_back(job);
            } else {
                any = true;
                state.let_go(&job, now);
            }
        }
        any.then(|| paced_until.unwrap_or(now))
    }
}

impl State {
    /// Takes those that are meant out of a job that left the queue, which are about to be settled. What else
    /// there is of its batch is due in the store, in a line after that.
    pub(super) fn take_apart(
        &mut self,
        job: Job,
        now: Timestamp,
        meant: impl Fn(&Job) -> bool,
    ) -> Vec<Job> {
        let lead = job.in_line();
        let (meant, rest): (Vec<_>, Vec<_>) = job.apart().partition(meant);
        if rest.is_empty() {
            return meant;
        }
        self.release_all(&rest);
        match (lead, &mut self.lines) {
            (Some(lead), Some(lines)) => {
                let until = meant.first().and_then(Job::in_line);
                let behind = lines.wait_for(lead, until.unwrap_or(lead));
                self.release_all(&behind);
            }
            _ => self.store_due = Some(now),
        }
        meant
    }
}
