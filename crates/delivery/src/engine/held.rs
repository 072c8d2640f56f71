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
    /// Discards that are under way in the store: they may end what is held here or being read.
    discards: usize,
    /// Held while a discard was under way, so that their rows may have ended.
    doubtful: HashSet<DeliveryId>,
    /// Whether a discard was under way while the refill read.
    spoiled: bool,
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

    /// A discard begins in the store. Until it has ended, and for what is held until then, only the store
    /// knows what still waits.
    pub(super) fn begin_discard(&mut self) {
        self.discards += 1;
    }

    /// A discard in the store has ended.
    pub(super) fn end_discard(&mut self) {
        self.discards -= 1;
        self.doubtful.extend(&self.fresh);
        self.doubtful.extend(&self.stored);
        self.asked.values_mut().for_each(|let_go| *let_go = true);
        self.spoiled = self.refilling();
    }

    /// Whether a row may have ended in the store although it is held.
    pub(super) fn doubts(&self, origin: &Origin, id: DeliveryId) -> bool {
        if self.discards == 0 && self.doubtful.is_empty() || planted(Fault::IgnoreDoubt) {
            return false;
        }
        self.has_row(origin, id) && (self.discards > 0 || self.doubtful.contains(&id))
    }

    /// Whether a job of this origin has a row.
    pub(super) fn has_row(&self, origin: &Origin, id: DeliveryId) -> bool {
        match origin {
            Origin::Fresh { .. } => self.has_fresh(id),
            Origin::Stored(_) => true,
        }
    }

    /// Whether a delivery from the commit has a row.
    pub(super) fn has_fresh(&self, id: DeliveryId) -> bool {
        self.fresh.contains(&id)
    }

    /// A delivery from the commit was settled, or is not in memory any more.
    pub(super) fn release_fresh(&mut self, id: DeliveryId) {
        self.fresh.remove(&id);
        self.doubtful.remove(&id);
        if let Some(let_go) = self.asked.get_mut(&id) {
            *let_go = true;
        }
        self.let_go(id);
    }

    /// A delivery from the store was settled, or is not in memory any more.
    pub(super) fn release_stored(&mut self, id: DeliveryId) {
        self.stored.remove(&id);
        self.doubtful.remove(&id);
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

    /// Whether a discard was under way while a refill read: what it read may have ended.
    pub(super) fn is_spoiled(&self) -> bool {
        (self.spoiled || self.discards > 0) && !planted(Fault::IgnoreDoubt)
    }

    /// Whether a refill reads.
    pub(super) fn refilling(&self) -> bool {
        self.let_go.is_some()
    }

    /// A refill begins to read.
    pub(super) fn begin_refill(&mut self) {
        self.let_go = Some(HashSet::new());
        self.spoiled = false;
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
        self.is_free(id) && self.stored.insert(id)
    }

    /// Whether a row that a refill read can be taken.
    pub(super) fn is_free(&self, id: DeliveryId) -> bool {
        let let_go = self.let_go.as_ref().is_some_and(|ids| ids.contains(&id));
        !let_go && !self.holds(id) || planted(Fault::ReadWhatIsHeld)
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
        let let_go = self.asked.remove(&id).unwrap_or(true) || self.discards > 0;
        !let_go && !self.fresh.contains(&id) && self.stored.insert(id)
    }

    /// There is nothing to make an extra attempt of.
    pub(super) fn refuse(&mut self, id: DeliveryId) {
        self.asked.remove(&id);
    }
}
