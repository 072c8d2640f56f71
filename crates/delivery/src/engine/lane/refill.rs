//! When a lane reads from the store, and how much.

use fanfare_domain::time::Timestamp;

use super::Lane;

/// What a refill has to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Refill {
    /// How many rows are in memory already, which the read must look past.
    pub(in crate::engine) rowed: usize,
    /// How many jobs to bring in.
    pub(in crate::engine) step: usize,
    /// Whether something is due that stands in no order.
    pub(in crate::engine) due: bool,
}

/// The fewest jobs that a refill brings in, for lanes that have not made an attempt yet.
const LEAST_STEP: usize = 4;

impl Lane {
    /// The store holds something due at `at`; answers whether that is sooner than known.
    pub(in crate::engine) fn due_in_store(&self, at: Timestamp) -> bool {
        let mut state = self.state.lock();
        let sooner = state.store_due.is_none_or(|known| at < known);
        if sooner {
            state.store_due = Some(at);
        }
        sooner
    }

    /// Begins a refill, if something is due and the queue is low; `room` is how many jobs it may hold.
    ///
    /// A lane brings in what its workers take within about two attempts, and no more than its rate lets
    /// begin within a moment, so that a slow one holds little.
    pub(in crate::engine) fn begin_refill(&self, now: Timestamp, room: usize) -> Option<Refill> {
        let mut state = self.state.lock();
        let due = state.store_due.is_some_and(|due| due <= now);
        let lines = state.lines.as_ref();
        let in_turn = lines.and_then(|lines| lines.next_read());
        if !due && in_turn.is_none_or(|at| at > now) || state.held.refilling() {
            return None;
        }
        let behind = lines.map_or(0, |lines| lines.behind());
        if state.queue.len() > state.limit.get() || state.queue.len() + behind > room / 2 {
            return None;
        }
        let paced = state.paced_within(now);
        if paced.is_some_and(|most| most <= state.queue.len()) {
            return None;
        }
        state.held.begin_refill();
        if due {
            // What is told from now on is newer than what the read will find.
            state.store_due = None;
        }
        Some(Refill {
            rowed: state.held.len(),
            step: (2 * state.limit.get())
                .max(LEAST_STEP)
                .min(paced.unwrap_or(usize::MAX)),
            due,
        })
    }

    /// When the store holds something due that stands in no order.
    pub(in crate::engine) fn store_due(&self) -> Option<Timestamp> {
        self.state.lock().store_due
    }

    /// When the store is to be read.
    pub(in crate::engine) fn next_read(&self) -> Option<Timestamp> {
        let state = self.state.lock();
        let in_turn = state.lines.as_ref().and_then(|lines| lines.next_read());
        match (state.store_due, in_turn) {
            (Some(due), Some(in_turn)) => Some(due.min(in_turn)),
            (due, in_turn) => due.or(in_turn),
        }
    }

    /// So many more deliveries wait to be put into batches; answers how many do, about.
    pub(in crate::engine) fn gathers(&self, more: usize) -> usize {
        let mut state = self.state.lock();
        state.gathered += more;
        state.gathered
    }

    /// A read found so many that wait on to be put into batches.
    pub(in crate::engine) fn gathers_only(&self, left: usize) {
        self.state.lock().gathered = left;
    }
}
