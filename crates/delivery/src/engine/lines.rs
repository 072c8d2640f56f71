//! The lines of an ordered lane: of each strand, what is in memory of it, and when to read more.
//!
//! The store holds an ordered lane's deliveries; memory holds a window of each strand that is being
//! worked on. The first of a window is in the lane's queue or under way, the others stand behind it, and
//! can be let go at any time: they are read again. After one that arrived the next goes at once, since
//! outcomes are committed in the order in which they are handed to the settler. After anything else the
//! line waits for the commit and is read anew.
//!
//! Nothing of a line is taken before every lower position was handed on and has its row (`coming`).

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use fanfare_app::fault::{Fault, planted};
use fanfare_app::port::log::Position;
use fanfare_domain::delivery::DeliveryState;
use fanfare_domain::order::{OnFailure, Ordering, Strand};
use fanfare_domain::time::Timestamp;

use super::job::Job;

/// The most strands of a lane whose next time to be read is known; those past it are found by the patrol.
const MOST_LOOKS: usize = 10_000;

/// A place in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InLine {
    pub(super) strand: Strand,
    pub(super) position: Position,
}

/// The lines of an ordered lane.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// What the turns in the store are right for; none while that is not known.
    placed: Option<(Ordering, OnFailure)>,
    /// Whether they are being put right.
    placing: bool,
    /// Handed on, with no row yet.
    coming: BTreeMap<Position, Strand>,
    coming_of: BTreeSet<(Strand, Position)>,
    by_strand: BTreeMap<Strand, Line>,
    /// When strands are to be read.
    looks: BTreeSet<(Timestamp, Strand)>,
    look_at: HashMap<Strand, Timestamp>,
    /// Those whose first waits for lower positions to be handed on.
    behind_gap: BTreeSet<Strand>,
    /// After which strand the patrol goes on; none while none is under way.
    patrol: Option<Option<Strand>>,
}

/// What is in memory of a strand.
#[derive(Debug, Default)]
struct Line {
    reading: bool,
    /// The one in the queue, under way, or whose end is being settled.
    head: Option<Position>,
    /// Those that follow it.
    behind: VecDeque<Job>,
    /// Where to read on: all before it arrived or are at hand. None: from the first.
    from: Option<Position>,
    /// Those that arrived and are not committed yet.
    unsettled: usize,
    /// When to read it once it is free.
    again: Option<Timestamp>,
}

impl Line {
    fn is_free(&self) -> bool {
        !self.reading && self.head.is_none()
    }

    /// Takes out what stands behind; it is read again from there.
    fn break_off(&mut self) -> VecDeque<Job> {
        if let Some(first) = self.behind.front().and_then(Job::in_line) {
            self.from = Some(first.position);
        }
        std::mem::take(&mut self.behind)
    }
}

/// The next strand to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) strand: Strand,
    /// From which position on; none: from the first.
    pub(super) from: Option<Position>,
}

impl Lines {
    /// Whether the turns in the store are right for this ordering.
    pub(super) fn is_placed_for(&self, wanted: (Ordering, OnFailure)) -> bool {
        self.placed == Some(wanted)
    }

    /// Whether the turns in the store are being put right.
    pub(super) fn is_placing(&self) -> bool {
        self.placing
    }

    /// Begins to put the turns in the store right, unless they are or that is under way.
    pub(super) fn begin_placing(&mut self, wanted: (Ordering, OnFailure)) -> bool {
        let begins = !self.placing && self.placed != Some(wanted);
        if begins {
            self.placing = true;
            self.placed = None;
        }
        begins
    }

    /// The turns in the store may be wrong for what is wanted now.
    pub(super) fn doubt_placing(&mut self) {
        self.placed = None;
    }

    /// The turns in the store are right for this; none: they could not be put right.
    pub(super) fn end_placing(&mut self, placed: Option<(Ordering, OnFailure)>) {
        self.placing = false;
        self.placed = placed;
        self.begin_patrol();
    }

    /// A delivery was handed on and gets its row; false when that was known.
    pub(super) fn expect(&mut self, at: InLine) -> bool {
        self.coming_of.insert((at.strand, at.position));
        self.coming.insert(at.position, at.strand).is_none()
    }

    /// It has its row, or was not to be expected.
    pub(super) fn came(&mut self, position: Position) -> bool {
        let strand = self.coming.remove(&position);
        strand.is_some_and(|strand| self.coming_of.remove(&(strand, position)))
    }

    /// The first position of a strand that has no row yet.
    pub(super) fn first_coming(&self, strand: Strand) -> Option<Position> {
        let range = (strand, Position::MIN)..=(strand, Position::MAX);
        let mut coming = self.coming_of.range(range);
        coming.next().map(|(_, position)| *position)
    }

    /// A strand is to be read then.
    pub(super) fn look(&mut self, strand: Strand, at: Timestamp) {
        if let Some(line) = self.by_strand.get_mut(&strand)
            && !line.is_free()
        {
            line.again = Some(line.again.map_or(at, |again| again.min(at)));
            return;
        }
        match self.look_at.get(&strand).copied() {
            Some(known) if known <= at => return,
            Some(known) => {
                self.looks.remove(&(known, strand));
            }
            None if self.looks.len() >= MOST_LOOKS => return,
            None => {}
        }
        self.looks.insert((at, strand));
        self.look_at.insert(strand, at);
    }

    /// All strands that are to be read some time are to be read now.
    pub(super) fn look_at_all(&mut self, now: Timestamp) {
        let strands: Vec<_> = self.look_at.keys().copied().collect();
        for strand in strands {
            self.look(strand, now);
        }
    }

    /// When something is to be read.
    pub(super) fn next_read(&self) -> Option<Timestamp> {
        if self.placing {
            return None;
        }
        if self.patrol.is_some() {
            return Some(Timestamp::default());
        }
        self.looks.first().map(|(at, _)| *at)
    }

    /// Takes the next strand to read, if one is to be read now.
    pub(super) fn begin_read(&mut self, now: Timestamp) -> Option<Look> {
        if self.placing || self.placed.is_none() {
            return None;
        }
        loop {
            let (at, strand) = self.looks.first().copied().filter(|(at, _)| *at <= now)?;
            self.looks.remove(&(at, strand));
            self.look_at.remove(&strand);
            let line = self.by_strand.entry(strand).or_default();
            if !line.is_free() {
                // An extra attempt of its first is under way.
                line.again = Some(at);
                continue;
            }
            line.reading = true;
            let from = line.from;
            return Some(Look { strand, from });
        }
    }

    /// A read has ended with these jobs to be sent; answers the first. `again`: when to read on, where there
    /// may be more.
    pub(super) fn end_read(
        &mut self,
        strand: Strand,
        mut jobs: VecDeque<Job>,
        again: Option<Timestamp>,
    ) -> Option<Job> {
        let line = self.by_strand.entry(strand).or_default();
        line.reading = false;
        if let Some(at) = again {
            line.again = Some(line.again.map_or(at, |known| known.min(at)));
        }
        if let Some(last) = jobs.back().and_then(Job::last_in_line) {
            line.from = Some(last.position + 1);
        }
        let first = jobs.pop_front();
        line.head = first.as_ref().and_then(Job::in_line).map(|at| at.position);
        line.behind = jobs;
        self.rest(strand);
        first
    }

    /// An extra attempt of a strand's first begins; false where the line is in memory.
    pub(super) fn begin_extra(&mut self, at: InLine) -> bool {
        let line = self.by_strand.entry(at.strand).or_default();
        let free = line.is_free() && line.unsettled == 0;
        if free {
            line.head = Some(at.position);
            line.from = Some(at.position + 1);
            line.again = Some(Timestamp::default());
        }
        free
    }

    /// An attempt has ended; its outcome is about to be handed to the settler. Answers what stood behind
    /// it, where that has to wait for the commit.
    pub(super) fn conclude(&mut self, at: InLine, arrived: bool) -> VecDeque<Job> {
        let Some(line) = self.by_strand.get_mut(&at.strand) else {
            return VecDeque::new();
        };
        if arrived || planted(Fault::PassWhileRetried) {
            line.unsettled += 1;
            return VecDeque::new();
        }
        let behind = line.break_off();
        line.from = Some(at.position);
        behind
    }

    /// One that arrived was handed to the settler; answers the next.
    pub(super) fn pass_on(&mut self, strand: Strand) -> Option<Job> {
        let line = self.by_strand.get_mut(&strand)?;
        let next = line.behind.pop_front();
        line.head = next.as_ref().and_then(Job::in_line).map(|at| at.position);
        self.rest(strand);
        next
    }

    /// What became of a delivery is committed. Answers what stood behind it.
    pub(super) fn settled(
        &mut self,
        at: InLine,
        state: DeliveryState,
        now: Timestamp,
    ) -> VecDeque<Job> {
        let look_at = match state {
            DeliveryState::Waiting { due_at } => due_at,
            _ => now,
        };
        let Some(line) = self.by_strand.get_mut(&at.strand) else {
            self.look(at.strand, look_at);
            return VecDeque::new();
        };
        let mut behind = VecDeque::new();
        if matches!(state, DeliveryState::Delivered { .. }) || planted(Fault::PassWhileRetried) {
            line.unsettled = line.unsettled.saturating_sub(1);
            self.rest(at.strand);
            return behind;
        }
        if line.head == Some(at.position) {
            behind = line.break_off();
            line.head = None;
            // Some of its batch may stand before it.
            line.from = line.from.min(Some(at.position));
        }
        self.rest(at.strand);
        self.look(at.strand, look_at);
        behind
    }

    /// Some of a batch left the queue without an attempt, the first of them at `until`, and are being
    /// settled. The others are read again after that. Answers what stood behind it.
    pub(super) fn wait_for(&mut self, lead: InLine, until: InLine) -> VecDeque<Job> {
        let Some(line) = self.by_strand.get_mut(&lead.strand) else {
            return VecDeque::new();
        };
        let behind = line.break_off();
        line.from = Some(lead.position);
        line.head = Some(until.position);
        behind
    }

    /// The first left the queue without an attempt, and is due in the store. Answers what stood behind it.
    pub(super) fn let_go(&mut self, at: InLine, now: Timestamp) -> VecDeque<Job> {
        let Some(line) = self.by_strand.get_mut(&at.strand) else {
            return VecDeque::new();
        };
        let behind = line.break_off();
        line.from = Some(at.position);
        line.head = None;
        self.rest(at.strand);
        self.look(at.strand, now);
        behind
    }

    /// Takes out what stands behind the first of each line.
    pub(super) fn break_off(&mut self, now: Timestamp) -> VecDeque<Job> {
        let mut all = VecDeque::new();
        for line in self.by_strand.values_mut() {
            if !line.behind.is_empty() {
                all.append(&mut line.break_off());
                line.again = Some(now);
            }
        }
        all
    }

    /// Takes out what stands behind the first of each line in which one is wanted.
    pub(super) fn break_off_where(
        &mut self,
        now: Timestamp,
        wanted: impl Fn(&Job) -> bool,
    ) -> VecDeque<Job> {
        let mut all = VecDeque::new();
        for line in self.by_strand.values_mut() {
            if line.behind.iter().any(&wanted) {
                all.append(&mut line.break_off());
                line.again = Some(now);
            }
        }
        all
    }

    /// A line that is free is read again where that was asked for, and forgotten once all is committed.
    fn rest(&mut self, strand: Strand) {
        let Some(line) = self
            .by_strand
            .get_mut(&strand)
            .filter(|line| line.is_free())
        else {
            return;
        };
        let again = line.again.take();
        if line.unsettled == 0 {
            self.by_strand.remove(&strand);
        }
        if let Some(at) = again {
            self.look(strand, at);
        }
    }

    /// A strand's first waits until all lower positions were handed on.
    pub(super) fn wait_for_gap(&mut self, strand: Strand) {
        self.behind_gap.insert(strand);
    }

    /// They were meanwhile.
    pub(super) fn end_wait_for_gap(&mut self, strand: Strand) {
        self.behind_gap.remove(&strand);
    }

    /// More positions were handed on.
    pub(super) fn gap_moved(&mut self, now: Timestamp) {
        for strand in std::mem::take(&mut self.behind_gap) {
            self.look(strand, now);
        }
    }

    /// Begins to go through all strands of the store, unless that is under way.
    pub(super) fn begin_patrol(&mut self) {
        self.patrol.get_or_insert(None);
    }

    /// Where the patrol goes on; none while none is under way or what it found last is to be read first.
    pub(super) fn patrol(&self, now: Timestamp) -> Option<Option<Strand>> {
        let due = self.looks.first().is_some_and(|(at, _)| *at <= now);
        self.patrol
            .filter(|_| !due && !self.placing && self.placed.is_some())
    }

    /// The patrol found these strands, and comes to its end where they are not many.
    pub(super) fn patrolled(&mut self, found: &[Strand], more: bool, now: Timestamp) {
        for strand in found {
            let known = self.by_strand.contains_key(strand) || self.look_at.contains_key(strand);
            if !known {
                self.look(*strand, now);
            }
        }
        self.patrol = found.last().filter(|_| more).map(|last| Some(*last));
    }

    /// How many stand behind the first of their line.
    pub(super) fn behind(&self) -> usize {
        self.by_strand.values().map(|line| line.behind.len()).sum()
    }

    /// Whether nothing is in memory or being read.
    pub(super) fn are_at_rest(&self) -> bool {
        let mut lines = self.by_strand.values();
        !self.placing && lines.all(|line| line.is_free() && line.unsettled == 0)
    }

    /// Whether nothing is in memory, and nothing is to be read.
    pub(super) fn is_idle(&self) -> bool {
        !self.placing
            && self.coming.is_empty()
            && self.by_strand.is_empty()
            && self.looks.is_empty()
            && self.behind_gap.is_empty()
            && self.patrol.is_none()
    }
}
