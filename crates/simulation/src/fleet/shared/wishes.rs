//! What nodes wish of each other, as the real store keeps it.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use fanfare_app::nodes::NodeId;
use fanfare_app::port::Clock;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::{DeliveryId, JobId};
use fanfare_domain::time::Timestamp;

use super::{OWNERS, Shared, Tables};
use crate::fleet::Mutant;

/// How long a wish stands that nobody takes.
const STANDS: Duration = Duration::from_secs(15);

/// For which job a delivery is to end; none: an extra attempt of it is wished.
pub(super) type Purpose = Option<JobId>;

pub(super) type Wishes = BTreeMap<(Purpose, DeliveryId), Wish>;

/// A wish.
pub(super) struct Wish {
    /// As many attempts as whoever wishes it knew of.
    known_attempts: u16,
    asked_at: Timestamp,
}

/// What is wished of a node.
#[derive(Debug, Default)]
pub(in crate::fleet) struct Wished {
    /// With the attempts that were known.
    pub(in crate::fleet) extra: Vec<(DeliveryId, u16)>,
    pub(in crate::fleet) to_end: Vec<DeliveryId>,
}

impl Tables {
    /// Whether a node attempts a delivery; none where that does not wait, or has no row.
    fn is_own(&self, id: NodeId, delivery: DeliveryId) -> Option<bool> {
        let (name, endpoint) = self.names.get(&delivery)?;
        let owner = self.owners.get(endpoint).map(|(owner, _)| *owner);
        Some(*name == id || *name == OWNERS && owner == Some(id))
    }
}

impl Shared {
    /// Wishes an extra attempt; false where the node itself makes it.
    pub(in crate::fleet) fn wish_extra(&self, id: NodeId, delivery: &Delivery) -> bool {
        let mut tables = self.tables.lock();
        if tables.is_own(id, delivery.id) != Some(false) {
            return false;
        }
        if !self.has(Mutant::DropWish) {
            let wish = Wish {
                known_attempts: delivery.attempts,
                asked_at: self.chronicle.clock.now(),
            };
            tables.wishes.insert((None, delivery.id), wish);
        }
        true
    }

    /// Wishes that those end which other nodes attempt; answers which.
    pub(in crate::fleet) fn wish_ended(
        &self,
        id: NodeId,
        job: JobId,
        deliveries: &[DeliveryId],
    ) -> HashSet<DeliveryId> {
        if self.has(Mutant::EndAnothers) {
            return HashSet::new();
        }
        let mut tables = self.tables.lock();
        let others = deliveries.iter().copied();
        let others: HashSet<_> = others
            .filter(|delivery| tables.is_own(id, *delivery) == Some(false))
            .collect();
        for delivery in &others {
            let wish = || Wish {
                known_attempts: 0,
                asked_at: self.chronicle.clock.now(),
            };
            let wishes = tables.wishes.entry((Some(job), *delivery));
            wishes.or_insert_with(wish);
        }
        others
    }

    /// Those that were wished to end for a job and wait no more.
    pub(in crate::fleet) fn ended_for(&self, job: JobId) -> Vec<DeliveryId> {
        let tables = self.tables.lock();
        let of_job = tables.wishes.keys().filter(|(of, _)| *of == Some(job));
        let ended = of_job.filter(|(_, id)| !tables.names.contains_key(id));
        ended.map(|(_, id)| *id).collect()
    }

    /// What others wish of a node, of extra attempts once, and of jobs that run.
    pub(in crate::fleet) fn wished_of(&self, id: NodeId, running: &HashSet<JobId>) -> Wished {
        let mut tables = self.tables.lock();
        let now = self.chronicle.clock.now();
        tables.wishes.retain(|(purpose, _), wish| {
            let wanted = purpose.is_some_and(|job| running.contains(&job));
            wanted || now < wish.asked_at.after(STANDS)
        });
        let mut wished = Wished::default();
        for ((purpose, delivery), wish) in &tables.wishes {
            let wanted = purpose.is_none_or(|job| running.contains(&job));
            if !wanted || tables.is_own(id, *delivery) != Some(true) {
                continue;
            }
            match purpose {
                None => wished.extra.push((*delivery, wish.known_attempts)),
                Some(_) => wished.to_end.push(*delivery),
            }
        }
        for (delivery, _) in &wished.extra {
            tables.wishes.remove(&(None, *delivery));
        }
        wished
    }

    /// A job counts what became of these.
    pub(in crate::fleet) fn forget_wishes(&self, job: JobId, counted: &[DeliveryId]) {
        if self.has(Mutant::CountAgain) {
            return;
        }
        let mut tables = self.tables.lock();
        for delivery in counted {
            tables.wishes.remove(&(Some(job), *delivery));
        }
    }
}
