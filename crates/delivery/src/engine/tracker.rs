//! Which accepted deliveries have no row in the store yet.
//!
//! The log's positions are looked at from below: all of this node's up to the *base* have their rows,
//! and the base is what the store keeps as the materialised position. Behind it, this node's positions
//! need not be without gaps: where several nodes append to one log, the others' lie in between. Up to
//! *exact* every position of this node is known; behind it, a position between two that are known may
//! be the next node's, nobody's, or one whose commit is on its way to its publisher. That is a gap, and
//! the log tells what it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use fanfare_app::port::log::Position;
use fanfare_domain::time::Timestamp;

use super::job::Shipment;

/// The positions whose deliveries may lack rows.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    /// All positions up to this one have their rows.
    base: Position,
    /// Up to this one, a position that stands in no slot is none of this node's, or has its rows.
    exact: Position,
    /// The last one that is known of.
    last: Position,
    /// All positions up to this one were handed on, as far as they are this node's.
    handed_on: Position,
    /// Positions behind the base, in order.
    slots: BTreeMap<Position, Slot>,
    /// Slots that wait for the log to be read.
    unplaced: usize,
}

#[derive(Debug)]
enum Slot {
    /// It is in the log, and was never handed on.
    Unseen,
    /// On its way.
    Open {
        shipment: Arc<Shipment>,
        since: Timestamp,
        places: Places,
    },
    /// Handed on when nothing more could be held in memory; it is read from the log later.
    InLog { places: Places },
    /// All rows are there.
    Done,
}

/// A set of an event's places.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// The first 64, which are all that most events have.
    first: u64,
    /// The others.
    rest: Box<[u64]>,
    left: usize,
}

impl Places {
    /// The first `count` places.
    pub(super) fn first(count: usize) -> Self {
        let mut places = Self {
            first: 0,
            rest: vec![0; count.div_ceil(64).saturating_sub(1)].into_boxed_slice(),
            left: 0,
        };
        (0..count).for_each(|place| places.insert(place as u16));
        places
    }

    fn word(&mut self, place: u16) -> Option<&mut u64> {
        match usize::from(place) / 64 {
            0 => Some(&mut self.first),
            at => self.rest.get_mut(at - 1),
        }
    }

    fn insert(&mut self, place: u16) {
        let bit = 1u64 << (place % 64);
        if let Some(word) = self.word(place)
            && *word & bit == 0
        {
            *word |= bit;
            self.left += 1;
        }
    }

    /// Takes a place out.
    pub(super) fn remove(&mut self, place: u16) {
        let bit = 1u64 << (place % 64);
        if let Some(word) = self.word(place)
            && *word & bit != 0
        {
            *word &= !bit;
            self.left -= 1;
        }
    }

    /// Whether a place is in.
    pub(super) fn contains(&self, place: u16) -> bool {
        let word = match usize::from(place) / 64 {
            0 => Some(&self.first),
            at => self.rest.get(at - 1),
        };
        word.is_some_and(|word| word & (1 << (place % 64)) != 0)
    }

    /// The places, lowest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        let words = std::iter::once(&self.first).chain(self.rest.iter());
        (0u16..).zip(words).flat_map(|(at, word)| {
            (0..64u16)
                .filter(move |bit| word & (1 << bit) != 0)
                .map(move |bit| at * 64 + bit)
        })
    }

    /// Whether none is left.
    pub(super) fn is_empty(&self) -> bool {
        self.left == 0
    }
}

/// A delivery that has been on its way for a while without a row.
#[derive(Clone, Debug)]
pub(super) struct Lingering {
    pub(super) position: Position,
    pub(super) place: u16,
    pub(super) shipment: Arc<Shipment>,
}

impl Tracker {
    /// Begins where the store says that all rows are there.
    pub(super) fn begin_at(&mut self, base: Position) {
        *self = Self {
            base,
            exact: base,
            last: base,
            handed_on: base,
            ..Self::default()
        };
    }

    /// All positions up to this one were handed on, or are none of this node's. One that was left in the
    /// log was not.
    pub(super) fn handed_on(&self) -> Position {
        self.handed_on
    }

    /// All positions up to this one have their rows.
    pub(super) fn base(&self) -> Position {
        self.base
    }

    /// How many positions it keeps something of.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there may be something new at a position: it is neither done nor known to be nobody's.
    fn is_open_to(&self, position: Position) -> bool {
        match self.slots.get(&position) {
            Some(slot) => slot.is_unplaced(),
            None => position > self.exact,
        }
    }

    fn put(&mut self, position: Position, slot: Slot) {
        self.unplaced += usize::from(slot.is_unplaced());
        let before = self.slots.insert(position, slot);
        self.unplaced -= usize::from(before.is_some_and(|before| before.is_unplaced()));
        self.last = self.last.max(position);
        self.reach();
        self.advance();
    }

    /// An event was handed on; false when it was before.
    pub(super) fn open(
        &mut self,
        position: Position,
        shipment: &Arc<Shipment>,
        places: Places,
        now: Timestamp,
    ) -> bool {
        if !self.is_open_to(position) {
            return false;
        }
        let slot = if places.is_empty() {
            Slot::Done
        } else {
            Slot::Open {
                shipment: Arc::clone(shipment),
                since: now,
                places,
            }
        };
        self.put(position, slot);
        true
    }

    /// An event was handed on that can't be held in memory now.
    pub(super) fn leave_in_log(&mut self, position: Position, places: Places) {
        let left_before = matches!(self.slots.get(&position), Some(Slot::InLog { .. }));
        if self.is_open_to(position) && !left_before {
            self.put(position, Slot::InLog { places });
        }
    }

    /// A delivery has its row.
    pub(super) fn finish(&mut self, position: Position, place: u16) {
        if let Some(slot @ Slot::Open { .. }) = self.slots.get_mut(&position) {
            if let Slot::Open { places, .. } = slot {
                places.remove(place);
                if !places.is_empty() {
                    return;
                }
            }
            *slot = Slot::Done;
            self.advance();
        }
    }

    /// Whether a delivery still has no row.
    pub(super) fn lacks_row(&self, position: Position, place: u16) -> bool {
        match self.slots.get(&position) {
            Some(Slot::Open { places, .. }) => places.contains(place),
            _ => false,
        }
    }

    /// Knows of every position up to the next gap.
    fn reach(&mut self) {
        for position in self.slots.range(self.exact + 1..).map(|(at, _)| *at) {
            if position != self.exact + 1 {
                break;
            }
            self.exact = position;
        }
        self.last = self.last.max(self.exact);
    }

    fn advance(&mut self) {
        // One that blocks is looked at again each time, and what is passed never more.
        let waits = self
            .slots
            .range(self.handed_on + 1..=self.exact.max(self.handed_on + 1))
            .take_while(|(position, _)| **position <= self.exact)
            .find(|(_, slot)| slot.is_unplaced());
        self.handed_on = waits.map_or(self.exact, |(position, _)| position - 1);
        while let Some(first) = self.slots.first_entry()
            && matches!(first.get(), Slot::Done)
            && *first.key() <= self.exact
        {
            first.remove();
        }
        let first = self.slots.first_key_value();
        let before_first = first.map_or(self.exact, |(position, _)| position - 1);
        self.base = self.base.max(before_first.min(self.exact));
    }

    /// Up to about `most` deliveries that are on their way since before `since`, oldest first.
    pub(super) fn lingering(&self, since: Timestamp, most: usize) -> Vec<Lingering> {
        let mut found = Vec::new();
        for (position, slot) in &self.slots {
            let Slot::Open {
                shipment,
                since: begun,
                places,
            } = slot
            else {
                continue;
            };
            // Slots are nearly in the order of time; one that is too young ends the search.
            if *begun >= since || found.len() >= most {
                break;
            }
            found.extend(places.iter().map(|place| Lingering {
                position: *position,
                place,
                shipment: Arc::clone(shipment),
            }));
        }
        found
    }

    /// The first position that must be read from the log, if there is one: one that was left there or
    /// never handed on.
    pub(super) fn first_unplaced(&self) -> Option<Position> {
        if self.unplaced == 0 {
            return None;
        }
        let mut slots = self.slots.iter();
        slots
            .find(|(_, slot)| slot.is_unplaced())
            .map(|(position, _)| *position)
    }

    /// The first gap: from the position before it to the last position that is known of.
    pub(super) fn gap(&self) -> Option<(Position, Position)> {
        (self.last > self.exact).then_some((self.exact, self.last))
    }

    /// The log has these of this node's positions behind `after`, in order, and no others up to `to`.
    pub(super) fn fill(&mut self, after: Position, present: &[Position], to: Position) {
        if after > self.exact || to <= self.exact {
            return;
        }
        for position in present {
            if *position > self.exact && !self.slots.contains_key(position) {
                self.slots.insert(*position, Slot::Unseen);
                self.unplaced += 1;
            }
        }
        self.exact = to;
        self.reach();
        self.advance();
    }

    /// The places that were left in the log at a position; none when it was not handed on at all.
    pub(super) fn left_places(&self, position: Position) -> Option<Places> {
        match self.slots.get(&position) {
            Some(Slot::InLog { places }) => Some(places.clone()),
            _ => None,
        }
    }

    /// Whether a position waits to be read from the log.
    pub(super) fn is_unplaced(&self, position: Position) -> bool {
        self.is_open_to(position)
    }

    /// The log has nothing at these positions.
    pub(super) fn skip(&mut self, positions: std::ops::Range<Position>) {
        let gone: Vec<Position> = self
            .slots
            .range(positions.clone())
            .filter(|(_, slot)| slot.is_unplaced())
            .map(|(position, _)| *position)
            .collect();
        for position in gone {
            self.slots.remove(&position);
            self.unplaced -= 1;
        }
        if positions.start <= self.exact + 1 {
            self.exact = self.exact.max(positions.end - 1);
        } else {
            // Behind a gap: they are told apart from it one by one.
            for position in positions {
                self.slots.entry(position).or_insert(Slot::Done);
            }
        }
        self.reach();
        self.advance();
    }

    /// The last position that it knows of.
    pub(super) fn last(&self) -> Position {
        self.last
    }

    /// The log has something at this position. If it is not handed on, it is found as a gap.
    pub(super) fn heard_of(&mut self, position: Position) {
        self.last = self.last.max(position);
    }
}

impl Slot {
    /// Whether it waits for the log to be read.
    fn is_unplaced(&self) -> bool {
        matches!(self, Self::Unseen | Self::InLog { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_once_however_often_they_are_taken_out() {
        let mut places = Places::first(130);
        assert_eq!(places.iter().count(), 130);
        places.remove(129);
        places.remove(129);
        assert!(!places.contains(129) && places.contains(128));
        (0..129).for_each(|place| places.remove(place));
        assert!(places.is_empty());
    }

    #[test]
    fn handed_on_is_all_up_to_the_first_gap() {
        let mut tracker = Tracker::default();
        tracker.begin_at(10);
        tracker.skip(12..13);
        assert_eq!(tracker.handed_on(), 10);
        tracker.skip(11..12);
        assert_eq!(tracker.handed_on(), 12);
        tracker.leave_in_log(13, Places::first(1));
        tracker.skip(14..15);
        assert_eq!(tracker.handed_on(), 12);
        tracker.skip(13..14);
        assert_eq!((tracker.handed_on(), tracker.base()), (14, 14));
    }

    #[test]
    fn a_gap_is_found_and_can_be_skipped() {
        let mut tracker = Tracker::default();
        tracker.begin_at(10);
        tracker.leave_in_log(13, Places::first(1));
        assert_eq!(tracker.gap(), Some((10, 13)));
        assert_eq!(tracker.first_unplaced(), Some(13));
        tracker.skip(11..13);
        assert_eq!((tracker.base(), tracker.gap()), (12, None));
        assert_eq!(
            tracker.left_places(13).map(|places| places.iter().count()),
            Some(1)
        );
    }

    #[test]
    fn others_positions_lie_between_this_nodes() {
        let mut tracker = Tracker::default();
        tracker.begin_at(0);
        for position in [2, 5, 1_000_000] {
            tracker.leave_in_log(position, Places::first(0));
        }
        assert_eq!((tracker.base(), tracker.len()), (0, 3));
        // One was committed and never handed on; those behind 6 are not known yet.
        tracker.fill(0, &[2, 4, 5], 6);
        assert_eq!((tracker.base(), tracker.gap()), (1, Some((6, 1_000_000))));
        assert!(tracker.is_unplaced(4) && !tracker.is_unplaced(3));
        assert!(tracker.is_unplaced(7));
        tracker.fill(6, &[1_000_000], 1_000_000);
        assert_eq!(tracker.gap(), None);
        tracker.skip(2..1_000_000);
        assert_eq!(tracker.base(), 999_999);
        assert!(!tracker.is_unplaced(4));
    }
}
