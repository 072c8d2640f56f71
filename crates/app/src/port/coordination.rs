//! The coordination part: who is a member, who owns what with which epoch, hints.

use fanfare_domain::id::EndpointId;

/// Counts the owners of a lane: a later owner has a higher one.
pub type Epoch = u64;

/// Who serves which endpoint.
pub trait Coordination: Send + Sync + 'static {
    /// The epoch with which this node owns an endpoint's lane; none when it does not.
    fn owns(&self, endpoint: EndpointId) -> Option<Epoch>;
}

/// The form for one node, which owns everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct OneNode;

impl Coordination for OneNode {
    fn owns(&self, _endpoint: EndpointId) -> Option<Epoch> {
        Some(1)
    }
}
