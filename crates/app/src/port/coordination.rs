//! The coordination part: who is a member, who owns what with which epoch, hints.

use std::time::Duration;

use async_trait::async_trait;
use fanfare_domain::id::EndpointId;

/// Counts the owners of a lane: a later owner has a higher one.
pub type Epoch = u64;

/// A lane as a node owns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owned {
    /// Which of its owners this is.
    pub epoch: Epoch,
    /// How long ago it was taken over from another one; none where nobody had it before.
    pub taken_over: Option<Duration>,
}

/// What a node found out of an endpoint's breaker, which is a hint for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerNews {
    /// It opened.
    Opened,
    /// It closed.
    Closed,
}

/// Who serves which endpoint, of those that one node serves at a time.
///
/// An owner attempts nothing of an endpoint from when it is told to let go of it. Once nothing of it is under
/// way or in memory either, it says so, and only then another becomes the owner.
#[async_trait]
pub trait Coordination: Send + Sync + 'static {
    /// How this node owns an endpoint's lane; none when it does not.
    fn owns(&self, endpoint: EndpointId) -> Option<Owned>;

    /// Whether this node may send now. Else its requests wait; asked where it matters when each begins.
    fn may_send(&self) -> bool {
        true
    }

    /// Waits until there is something in [`Coordination::came`] or [`Coordination::leaving`]. For ever where
    /// there is but one node.
    async fn told(&self) {
        std::future::pending::<()>().await;
    }

    /// Endpoints whose owner this node has become since the last time.
    fn came(&self) -> Vec<EndpointId> {
        Vec::new()
    }

    /// Endpoints that this node is to let go of.
    fn leaving(&self) -> Vec<EndpointId> {
        Vec::new()
    }

    /// Nothing of this endpoint is in memory or under way here.
    fn let_go(&self, _endpoint: EndpointId) {}

    /// Tells the other nodes of a breaker of this one. They may not hear it.
    fn tell_breaker(&self, _endpoint: EndpointId, _news: BreakerNews) {}
}

/// The form for one node, which owns everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct OneNode;

impl Coordination for OneNode {
    fn owns(&self, _endpoint: EndpointId) -> Option<Owned> {
        Some(Owned {
            epoch: 1,
            taken_over: None,
        })
    }
}
