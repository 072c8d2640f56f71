//! What happens in a run.

use std::sync::Arc;

use fanfare_app::nodes::NodeId;
use fanfare_app::port::coordination::BreakerNews;
use fanfare_app::port::log::{Event, Position};
use fanfare_domain::batch::InBatch;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::id::{BatchId, DeliveryId, EndpointId};
use fanfare_domain::job::Job;

use super::network::Mood;

/// What befalls a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// It does nothing for a while.
    Paused,
    /// It does not reach the store for a while.
    CutOff,
    /// It never does anything again.
    Killed,
}

impl Disturbance {
    /// Whether the node is itself again afterwards.
    #[must_use]
    pub const fn passes(self) -> bool {
        !matches!(self, Self::Killed)
    }
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Fact {
    /// A node joined.
    Joined(NodeId),
    /// It is not itself from now on.
    Disturbed(NodeId, Disturbance),
    /// It is itself again, unless it was killed or declared gone meanwhile.
    Recovered(NodeId),
    /// It was declared gone.
    Gone(NodeId),
    /// It wrote what only a node that is there may write.
    Wrote(NodeId),
    /// An endpoint was made.
    Endpoint(Box<Endpoint>),
    /// An event was committed.
    Committed(Position, Arc<Event>),
    /// A publisher was told by a node that it is accepted.
    Accepted(NodeId, Arc<Event>),
    /// A delivery's row is now this.
    Row(Box<Delivery>),
    /// Deliveries were bound to a batch.
    Bound(Vec<(DeliveryId, InBatch)>),
    /// A request was sent; they are counted from 0.
    Sent {
        /// Which.
        number: usize,
        /// By whom.
        node: NodeId,
        /// Where to.
        endpoint: EndpointId,
        /// Of what: one, or those of a batch in their order.
        deliveries: Vec<DeliveryId>,
        /// The batch.
        batch: Option<BatchId>,
    },
    /// A request has ended; whether the receiver took it.
    Answered(usize, bool),
    /// A node is asked for an extra attempt of a delivery that waits.
    Asked(NodeId, DeliveryId),
    /// It was told that it gets one; asked for at this place.
    Granted(DeliveryId, usize),
    /// A frail receiver changes.
    Mood(&'static str, Mood),
    /// A node's engine is told how another one's breaker stands.
    Heard(NodeId, EndpointId, BreakerNews),
    /// A job is now this.
    Job(Box<Job>),
    /// From now on no node is disturbed, and every receiver takes what comes.
    Calm,
}
