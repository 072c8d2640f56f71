//! What is committed, told to whoever watches.

use std::fmt;
use std::sync::Arc;

use fanfare_app::port::configuration::Changed;
use fanfare_app::port::log::{Event, Position};
use fanfare_domain::attempt::Attempt;
use fanfare_domain::batch::InBatch;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::DeliveryId;
use fanfare_domain::job::Job;
use parking_lot::Mutex;

/// Something that was committed.
#[derive(Clone, Debug)]
pub enum Change {
    /// A document of the configuration was put or removed.
    Document(Changed),
    /// An event was appended to the log.
    Event(Position, Arc<Event>),
    /// A delivery's row is now this.
    Row(Box<Delivery>),
    /// Deliveries were bound to a batch.
    Bound(Vec<(DeliveryId, InBatch)>),
    /// An attempt was recorded.
    Attempt(Box<Attempt>),
    /// A job is now this. So many rows that follow are what it did.
    Job(Box<Job>, usize),
    /// All deliveries up to this position have their rows.
    Materialised(Position),
}

/// The changes of one commit, in order.
pub(super) type Changes = Vec<Change>;

type Tell = dyn Fn(Change) + Send + Sync;

/// Who watches, if anybody does.
#[derive(Clone, Default)]
pub(super) struct Watch(Arc<Mutex<Option<Arc<Tell>>>>);

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

impl Watch {
    pub(super) fn set(&self, tell: impl Fn(Change) + Send + Sync + 'static) {
        *self.0.lock() = Some(Arc::new(tell));
    }

    pub(super) fn tell(&self, changes: Changes) {
        let tell = self.0.lock().clone();
        if let Some(tell) = tell {
            changes.into_iter().for_each(|change| tell(change));
        }
    }
}
