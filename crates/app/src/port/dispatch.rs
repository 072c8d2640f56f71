//! What the use cases tell the engine.

use std::sync::Arc;

use fanfare_domain::breaker::BreakerState;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::{DeliveryId, EndpointId};
use fanfare_domain::order::Strand;
use fanfare_domain::time::Timestamp;

use super::coordination::BreakerNews;
use super::log::{Event, Position};
use crate::directory::Target;

/// How an endpoint has answered lately, as far as the engine keeps deliveries back for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Its breaker.
    pub breaker: BreakerState,
    /// When the first attempt failed after which none arrived.
    pub failing_since: Option<Timestamp>,
    /// Until when its own `Retry-After` keeps deliveries back.
    pub slowed_until: Option<Timestamp>,
}

/// The engine, as the use cases see it. Everything but [`Dispatch::hand_on`] is a hint: losing it
/// costs latency only.
pub trait Dispatch: Send + Sync + 'static {
    /// Takes an event that was just appended, with the targets' present form in the order of the
    /// event's targets. Never blocks: past its bounds, work waits in the store.
    fn hand_on(&self, event: Arc<Event>, position: Position, targets: Vec<Option<Arc<Target>>>);

    /// A delivery of this endpoint is due in the store then.
    fn due(&self, endpoint: EndpointId, at: Timestamp);

    /// Another node left something for this endpoint that is due: of this strand, or somewhere.
    fn left(&self, _endpoint: EndpointId, _strand: Option<Strand>) {}

    /// What held a line of an endpoint's order up is gone.
    fn moves_on(&self, _endpoint: EndpointId, _strand: Strand) {}

    /// A waiting delivery gets an attempt now besides its schedule, unless one is under way.
    fn extra(&self, delivery: Delivery);

    /// This endpoint was changed, disabled or deleted.
    fn changed(&self, endpoint: EndpointId);

    /// Another node's breaker for this endpoint opened or closed.
    fn breaker_elsewhere(&self, _endpoint: EndpointId, _news: BreakerNews) {}

    /// How an endpoint has answered lately.
    fn health(&self, _endpoint: EndpointId) -> Health {
        Health::default()
    }

    /// Keeps deliveries that wait from being attempted, so that they can be ended in the store. What is
    /// under way, or not recorded yet, stays so and is not held.
    ///
    /// Unless told otherwise nothing is ever attempted, so that all are held.
    fn withhold(&self, _deliveries: &[Delivery]) -> Box<dyn Withheld> {
        Box::new(Unattended)
    }
}

/// Deliveries that nobody attempts for as long as this is kept. Dropping it gives them back: they go on
/// as the store has them.
pub trait Withheld: Send {
    /// Whether this delivery is held.
    fn holds(&self, id: DeliveryId) -> bool;

    /// So many of those that are held have ended in the store.
    fn ended(self: Box<Self>, count: usize);
}

/// Where nothing is attempted.
struct Unattended;

impl Withheld for Unattended {
    fn holds(&self, _: DeliveryId) -> bool {
        true
    }

    fn ended(self: Box<Self>, _: usize) {}
}
