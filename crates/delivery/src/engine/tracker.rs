//! Which accepted deliveries have no row in the store yet.
//!
//! A window over the log's positions: all before it have their rows. Its lower end is what the store
//! keeps as the materialised position.

use std::collections::VecDeque;
use std::sync::Arc;

use fanfare_app::port::log::Position;
use fanfare_domain::time::Timestamp;

use super::job::Shipment;

/// The window of positions whose deliveries may lack rows.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    /// All positions up to this one have their rows.
    base: Position,
    /// The positions after it, in order.
    window: VecDeque<Slot>,
    /// Slots that wait for the log to be read.
    unplaced: usize,
    /// All positions up to this one were handed on.
    handed_on: Position,
}

#[derive(Debug)]
enum Slot {
    /// Not handed on yet: just committed, or no such position.
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
        self.base = base;
        self.handed_on = base;
        self.window.clear();
    }

    /// All positions up to this one were handed on, or do not exist. One that was left in the log was not.
    pub(super) fn handed_on(&self) -> Position {
        self.handed_on
    }

    /// All positions up to this one have their rows.
    pub(super) fn base(&self) -> Position {
        self.base
    }

    /// How many positions the window spans.
    pub(super) fn len(&self) -> usize {
        self.window.len()
    }

    fn index(&self, position: Position) -> Option<usize> {
        usize::try_from(position - self.base - 1).ok()
    }

    fn slot(&mut self, position: Position) -> Option<&mut Slot> {
        let index = self.index(position)?;
        while self.window.len() <= index {
            self.window.push_back(Slot::Unseen);
        }
        self.window.get_mut(index)
    }

    /// An event was handed on; false when it was before.
    pub(super) fn open(
        &mut self,
        position: Position,
        shipment: &Arc<Shipment>,
        places: Places,
        now: Timestamp,
    ) -> bool {
        let Some(slot) = self.slot(position) else {
            return false;
        };
        let was_in_log = matches!(slot, Slot::InLog { .. });
        if !matches!(slot, Slot::Unseen | Slot::InLog { .. }) {
            return false;
        }
        *slot = if places.is_empty() {
            Slot::Done
        } else {
            Slot::Open {
                shipment: Arc::clone(shipment),
                since: now,
                places,
            }
        };
        self.unplaced -= usize::from(was_in_log);
        self.advance();
        true
    }

    /// An event was handed on that can't be held in memory now.
    pub(super) fn leave_in_log(&mut self, position: Position, places: Places) {
        if let Some(slot) = self.slot(position)
            && matches!(slot, Slot::Unseen)
        {
            *slot = Slot::InLog { places };
            self.unplaced += 1;
        }
    }

    /// A delivery has its row.
    pub(super) fn finish(&mut self, position: Position, place: u16) {
        let Some(index) = self.index(position) else {
            return;
        };
        if let Some(slot @ Slot::Open { .. }) = self.window.get_mut(index) {
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
        match self
            .index(position)
            .and_then(|index| self.window.get(index))
        {
            Some(Slot::Open { places, .. }) => places.contains(place),
            _ => false,
        }
    }

    fn advance(&mut self) {
        while let Some(Slot::Open { .. } | Slot::Done) = self
            .index(self.handed_on + 1)
            .and_then(|index| self.window.get(index))
        {
            self.handed_on += 1;
        }
        while matches!(self.window.front(), Some(Slot::Done)) {
            self.window.pop_front();
            self.base += 1;
        }
        if self.window.is_empty() && self.window.capacity() > 16_384 {
            self.window.shrink_to(1_024);
        }
    }

    /// Up to about `most` deliveries that are on their way since before `since`, oldest first.
    pub(super) fn lingering(&self, since: Timestamp, most: usize) -> Vec<Lingering> {
        let mut found = Vec::new();
        for (position, slot) in (self.base + 1..).zip(&self.window) {
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
                position,
                place,
                shipment: Arc::clone(shipment),
            }));
        }
        found
    }

    /// The first position that must be read from the log, if there is one: one that was left there, or
    /// one never handed on while later ones were.
    pub(super) fn first_unplaced(&self) -> Option<Position> {
        if self.unplaced == 0 && !matches!(self.window.front(), Some(Slot::Unseen)) {
            return None;
        }
        let unplaced = |slot: &Slot| matches!(slot, Slot::Unseen | Slot::InLog { .. });
        self.window
            .iter()
            .position(unplaced)
            .map(|index| self.base + 1 + index as Position)
    }

    /// The places that were left in the log at a position; none when it was not handed on at all.
    pub(super) fn left_places(&self, position: Position) -> Option<Places> {
        match self
            .index(position)
            .and_then(|index| self.window.get(index))
        {
            Some(Slot::InLog { places }) => Some(places.clone()),
            _ => None,
        }
    }

    /// Whether a position waits to be read from the log.
    pub(super) fn is_unplaced(&self, position: Position) -> bool {
        match self.index(position) {
            Some(index) => !matches!(self.window.get(index), Some(Slot::Open { .. } | Slot::Done)),
            None => false,
        }
    }

    /// The log has nothing at these positions.
    pub(super) fn skip(&mut self, positions: std::ops::Range<Position>) {
        if self.window.is_empty() && positions.contains(&(self.base + 1)) {
            self.base = positions.end - 1;
            self.handed_on = self.base;
            return;
        }
        for position in positions {
            let was_in_log = match self.slot(position) {
                Some(Slot::Unseen) => false,
                Some(Slot::InLog { .. }) => true,
                _ => continue,
            };
            self.unplaced -= usize::from(was_in_log);
            if let Some(slot) = self.slot(position) {
                *slot = Slot::Done;
            }
        }
        self.advance();
    }

    /// The last position that it knows of.
    pub(super) fn last(&self) -> Position {
        self.base + self.window.len() as Position
    }

    /// The log has something at this position. If it is not handed on, it is found as a gap.
    pub(super) fn heard_of(&mut self, position: Position) {
        self.slot(position);
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
        assert_eq!(tracker.first_unplaced(), Some(11));
        tracker.skip(11..13);
        assert_eq!((tracker.base(), tracker.first_unplaced()), (12, Some(13)));
        assert_eq!(
            tracker.left_places(13).map(|places| places.iter().count()),
            Some(1)
        );
    }
}
