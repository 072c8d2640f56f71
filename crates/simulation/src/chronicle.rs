//! What happens in a run, in its true order.

use std::sync::Arc;

use fanfare_app::port::Clock;
use fanfare_app::port::log::Event;
use fanfare_app::port::sender::Exchange;
use fanfare_delivery::Footprint;
use fanfare_domain::id::{DeliveryId, EndpointId, JobId};
use fanfare_domain::time::Timestamp;
use fanfare_testkit::clock::VirtualClock;
use fanfare_testkit::memory_store::Change;
use fanfare_testkit::scripted_sender::Sent;
use parking_lot::Mutex;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Fact {
    /// A life of the machine begins.
    Start,
    /// It ends: by a crash, or after it was asked to stop.
    End {
        /// Whether the requests under way could end.
        asked: bool,
    },
    /// The store committed something.
    Committed(Change),
    /// A power failure undoes the last so many commits' changes.
    Undone(usize),
    /// A request was sent; they are counted from 0.
    Sent(usize, Box<Sent>),
    /// What came of a request.
    Answered(usize, Box<Exchange>),
    /// A publisher was told that this event is accepted.
    Accepted(Arc<Event>),
    /// An owner asks that an endpoint be disabled or deleted.
    Closing(EndpointId),
    /// The owner was told that it is.
    Closed(EndpointId),
    /// An owner asks that an endpoint be enabled.
    Opening(EndpointId),
    /// Somebody asks that a delivery be tried again.
    AskedAgain(DeliveryId),
    /// An owner was told that an endpoint was changed.
    Changed(EndpointId),
    /// Somebody asks that an order go on without this delivery, which holds it up.
    Skipping(DeliveryId),
    /// They were told that an extra attempt is made.
    GotExtra(DeliveryId),
    /// They were told that this replay is made.
    GotReplay {
        /// The delivery that is repeated.
        of: DeliveryId,
        /// The new one.
        made: DeliveryId,
    },
    /// An owner was told that this job is made.
    GotJob(JobId),
    /// The store or the network is made to fail, or heals.
    Trouble(String),
    /// From now on nothing fails, and every receiver takes what comes.
    Calm,
    /// What the engine holds in memory.
    Holds(Footprint),
}

/// The facts of a run with the time of each. Clones are handles of the same one.
#[derive(Clone, Debug)]
pub(crate) struct Chronicle(Arc<Mutex<Facts>>);

#[derive(Debug)]
struct Facts {
    clock: VirtualClock,
    facts: Vec<(Timestamp, Fact)>,
}

impl Chronicle {
    /// An empty one that goes by this clock.
    pub(crate) fn new(clock: VirtualClock) -> Self {
        let facts = Vec::new();
        Self(Arc::new(Mutex::new(Facts { clock, facts })))
    }

    /// Goes by another clock from now on: that of another life's runtime.
    pub(crate) fn follow(&self, clock: VirtualClock) {
        self.0.lock().clock = clock;
    }

    /// Takes down a fact.
    pub(crate) fn note(&self, fact: Fact) {
        let mut chronicle = self.0.lock();
        let now = chronicle.clock.now();
        chronicle.facts.push((now, fact));
    }

    /// The time by the clock that it goes by.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.lock().clock.now()
    }

    /// The facts.
    pub(crate) fn take(&self) -> Vec<(Timestamp, Fact)> {
        std::mem::take(&mut self.0.lock().facts)
    }
}
