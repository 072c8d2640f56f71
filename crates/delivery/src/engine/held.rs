//! Which rows of the store a lane holds in memory, so that none comes in a second time.
//!
//! A delivery from the commit has no row at first, and is held here only from when it gets one. What
//! is read from the store may be out of date when it arrives, since a settlement can be committed in
//! between; so what is let go while a read is under way is remembered until that read has ended.

use std::collections::{HashMap, HashSet};

use fanfare_app::fault::{Fault, planted};
use fanfare_domain::id::DeliveryId;

use super::job::Origin;

/// The rows of a lane that are in memory or being settled.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// From the commit, with a row that is there or about to be.
    fresh: HashSet<DeliveryId>,
    /// From the store.
    stored: HashSet<DeliveryId>,
    /// Asked for besides their schedule, while their row is read; true: let go meanwhile.
    asked: HashMap<DeliveryId, bool>,
    /// Let go while a refill reads; none while none does.
    let_go: Option<HashSet<DeliveryId>>,
}

impl Held {
    /// Whether a row is held.
    fn holds(&self, id: DeliveryId) -> bool {
        self.fresh.contains(&id) || self.stored.contains(&id) || self.asked.contains_key(&id)
    }

    /// How many rows are held.
    pub(super) fn len(&self) -> usize {
        self.fresh.len() + self.stored.len() + self.asked.len()
    }

    /// A delivery from the commit has, or is about to get, a row.
    pub(super) fn note_fresh(&mut self, id: DeliveryId) {
        self.fresh.insert(id);
    }

    /// Whether a delivery from the commit has a row.
    pub(super) fn has_fresh(&self, id: DeliveryId) -> bool {
        self.fresh.contains(&id)
    }

    /// A delivery from the commit was settled, or is not in memory any more.
    pub(super) fn release_fresh(&mut self, id: DeliveryId) {
        self.fresh.remove(&id);
        if let Some(let_go) = self.asked.get_mut(&id) {
            *let_go = true;
        }
        self.let_go(id);
    }

    /// A delivery from the store was settled, or is not in memory any more.
    pub(super) fn release_stored(&mut self, id: DeliveryId) {
        self.stored.remove(&id);
        self.let_go(id);
    }

    /// A job of this origin was settled, or is not in memory any more.
    pub(super) fn release(&mut self, origin: &Origin, id: DeliveryId) {
        match origin {
            Origin::Fresh { .. } => self.release_fresh(id),
            Origin::Stored(_) => self.release_stored(id),
        }
    }

    fn let_go(&mut self, id: DeliveryId) {
        if let Some(let_go) = &mut self.let_go {
            let_go.insert(id);
        }
        if self.len() == 0 {
            // A lane may stand idle for days; its memory goes back.
            self.fresh.shrink_to(0);
            self.stored.shrink_to(0);
        }
    }

    /// Whether a refill reads.
    pub(super) fn refilling(&self) -> bool {
        self.let_go.is_some()
    }

    /// A refill begins to read.
    pub(super) fn begin_refill(&mut self) {
        self.let_go = Some(HashSet::new());
    }

    /// A refill has ended.
    pub(super) fn end_refill(&mut self) {
        self.let_go = None;
    }

    /// Takes a row that a refill read; false when it is held, or was since the refill began. One that
    /// was let go meanwhile may have ended after it was read; if it waits still, its settling has told
    /// when it is due.
    pub(super) fn claim(&mut self, id: DeliveryId) -> bool {
        if planted(Fault::ReadWhatIsHeld) {
            return true;
        }
        let let_go = self.let_go.as_ref().is_some_and(|ids| ids.contains(&id));
        !let_go && !self.holds(id) && self.stored.insert(id)
    }

    /// Holds a row that is in the store only, so that nobody attempts it; false when it is held.
    pub(super) fn withhold(&mut self, id: DeliveryId) -> bool {
        !self.holds(id) && self.stored.insert(id)
    }

    /// Holds a row while it is read for an extra attempt; false when it is held.
    pub(super) fn ask(&mut self, id: DeliveryId) -> bool {
        !self.holds(id) && self.asked.insert(id, false).is_none()
    }

    /// The row was read for the extra attempt that was asked for: takes it; false when it was in memory
    /// from the commit meanwhile.
    pub(super) fn grant(&mut self, id: DeliveryId) -> bool {
        let let_go = self.asked.remove(&id).unwrap_or(true);
        !let_go && !self.fresh.contains(&id) && self.stored.insert(id)
    }

    /// There is nothing to make an extra attempt of.
    pub(super) fn refuse(&mut self, id: DeliveryId) {
        self.asked.remove(&id);
    }
}
