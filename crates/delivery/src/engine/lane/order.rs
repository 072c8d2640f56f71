//! What a lane does with its lines.

use std::collections::VecDeque;

use fanfare_app::port::log::Position;
use fanfare_domain::delivery::{Delivery, DeliveryState};
use fanfare_domain::order::Strand;
use fanfare_domain::time::Timestamp;

use super::{Lane, Pushed, State};
use crate::engine::job::Job;
use crate::engine::lines::{InLine, Lines};

impl Lane {
    /// Whether it has lines.
    pub(in crate::engine) fn is_ordered(&self) -> bool {
        self.state.lock().lines.is_some()
    }

    /// Whether what waits is being put in its order, so that nothing of it may begin.
    pub(in crate::engine) fn is_being_placed(&self) -> bool {
        self.state.lock().is_being_placed()
    }

    /// Works on its lines, which are made where there are none.
    pub(in crate::engine) fn lines<T>(&self, change: impl FnOnce(&mut Lines) -> T) -> T {
        change(self.state.lock().lines.get_or_insert_default())
    }

    /// Works on its lines, if it has some.
    pub(in crate::engine) fn lines_if_any<T>(
        &self,
        change: impl FnOnce(&mut Lines) -> T,
    ) -> Option<T> {
        self.state.lock().lines.as_deref_mut().map(change)
    }

    /// The lane's deliveries stand in no order any more.
    pub(in crate::engine) fn forget_lines(&self) {
        let mut state = self.state.lock();
        if state.lines.as_ref().is_some_and(|lines| lines.is_idle()) {
            state.lines = None;
        }
    }

    /// Takes a row that was read in its turn; false when it is held.
    pub(in crate::engine) fn claim(&self, delivery: &Delivery) -> bool {
        self.state.lock().held.claim(delivery.id)
    }

    /// A read of a strand has ended with these jobs.
    pub(in crate::engine) fn push_line(
        &self,
        strand: Strand,
        jobs: VecDeque<Job>,
        again: Option<Timestamp>,
        start: usize,
    ) -> Pushed {
        let mut state = self.state.lock();
        let lines = state.lines.get_or_insert_default();
        match lines.end_read(strand, jobs, again) {
            Some(first) => {
                state.queue.push_back(first);
                state.start_worker(start)
            }
            None => Pushed::Queued,
        }
    }

    /// An attempt has ended, and its outcome is about to be handed to the settler.
    pub(in crate::engine) fn conclude(&self, at: InLine, arrived: bool) {
        let mut state = self.state.lock();
        if let Some(lines) = &mut state.lines {
            let behind = lines.conclude(at, arrived);
            state.release_all(&behind);
        }
    }

    /// An outcome by which a delivery arrived was handed to the settler: the next may go.
    pub(in crate::engine) fn pass_on(&self, strand: Strand) {
        let mut state = self.state.lock();
        if let Some(next) = state.lines.as_mut().and_then(|lines| lines.pass_on(strand)) {
            state.queue.push_back(next);
        }
    }

    /// What became of a delivery in a line is committed.
    pub(in crate::engine) fn settled(&self, at: InLine, state: DeliveryState, now: Timestamp) {
        let mut locked = self.state.lock();
        let lines = locked.lines.get_or_insert_default();
        let behind = lines.settled(at, state, now);
        locked.release_all(&behind);
    }

    /// A delivery that was handed on has its row.
    pub(in crate::engine) fn came(&self, position: Position) {
        let mut state = self.state.lock();
        if let Some(lines) = &mut state.lines {
            lines.came(position);
        }
    }
}

impl State {
    pub(super) fn is_being_placed(&self) -> bool {
        self.lines.as_ref().is_some_and(|lines| lines.is_placing())
    }
}
