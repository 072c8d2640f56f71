//! Where nothing is sent: by a command, or by a node that leaves that to others. A running node with an
//! engine finds the work in the store by itself.

use std::sync::Arc;

use fanfare_app::directory::Target;
use fanfare_app::port::Dispatch;
use fanfare_app::port::log::{Event, Position};
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::EndpointId;
use fanfare_domain::time::Timestamp;

/// Takes every hint, and does nothing.
pub(crate) struct NoEngine;

impl Dispatch for NoEngine {
    fn hand_on(&self, _: Arc<Event>, _: Position, _: Vec<Option<Arc<Target>>>) {}

    fn due(&self, _: EndpointId, _: Timestamp) {}

    fn extra(&self, _: Delivery) {}

    fn changed(&self, _: EndpointId) {}
}
