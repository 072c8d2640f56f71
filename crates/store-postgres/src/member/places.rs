//! Whose work is whose.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fanfare_app::port::Coordination;
use fanfare_domain::id::EndpointId;
use fanfare_domain::order::Strand;
use tokio_postgres::types::Type;

use super::{Member, Placement};
use crate::failure::Failure;
use crate::hints::Hints;
use crate::session::Session;

/// In whose name deliveries wait for an endpoint that one node serves at a time: its owner's.
pub(crate) const OWNERS: i64 = -1;

/// Whose the rows are that this node writes.
pub(crate) struct Places {
    /// This node; 0 where there is but one.
    pub(crate) node: i64,
    member: Option<Arc<Member>>,
    placement: OnceLock<Arc<dyn Placement>>,
    pub(crate) hints: Arc<Hints>,
}

impl Places {
    pub(crate) fn new(member: Option<Arc<Member>>, hints: Arc<Hints>) -> Self {
        Self {
            node: member.as_ref().map_or(0, |member| member.id),
            member,
            placement: OnceLock::new(),
            hints,
        }
    }

    /// Tells endpoints apart from now on.
    pub(crate) fn place_by(&self, placement: Arc<dyn Placement>) {
        // A second one is refused: there is one configuration.
        let _ = self.placement.set(placement);
    }

    pub(crate) fn member(&self) -> Option<&Arc<Member>> {
        self.member.as_ref()
    }

    /// Whether one node serves this endpoint at a time.
    pub(crate) fn has_an_owner(&self, endpoint: EndpointId) -> bool {
        let one = self.placement.get();
        self.member.is_some() && one.is_some_and(|placement| placement.one_at_a_time(endpoint))
    }

    /// The wait before the first attempt of an event of this type.
    pub(crate) fn first_wait(&self, endpoint: EndpointId, event_type: &str) -> Duration {
        let placement = self.placement.get();
        placement.map_or(Duration::ZERO, |placement| {
            placement.first_wait(endpoint, event_type)
        })
    }

    /// Whether this node may attempt what waits in the name of this endpoint's owner.
    pub(crate) fn owns(&self, endpoint: EndpointId) -> bool {
        let member = self.member.as_ref();
        member.is_some_and(|member| member.owns(endpoint).is_some())
    }

    /// In whose name a delivery waits for this endpoint from now on; 0: nobody's yet.
    pub(crate) fn of(&self, endpoint: EndpointId) -> i64 {
        if self.has_an_owner(endpoint) {
            OWNERS
        } else if self.leaves_work() {
            0
        } else {
            self.node
        }
    }

    /// In whose name what this node attempts for an endpoint waits; none where it attempts nothing.
    pub(crate) fn reads(&self, endpoint: EndpointId) -> Option<i64> {
        if !self.has_an_owner(endpoint) {
            return Some(self.node);
        }
        self.owns(endpoint).then_some(OWNERS)
    }

    /// A delivery waits for this endpoint, as others can see: tells the one that attempts it, unless that is
    /// this node.
    pub(crate) fn tell(&self, endpoint: EndpointId, strand: Option<Strand>) {
        let Some(member) = &self.member else {
            return;
        };
        if !self.has_an_owner(endpoint) {
            if !member.delivers {
                self.hints.work_is_left();
            }
        } else if !self.owns(endpoint) {
            member.want(endpoint);
            self.hints.is_due(endpoint, strand);
        }
    }

    /// Lets a transaction fail unless this node is there; called at its begin.
    pub(crate) async fn be_present(&self, session: &Session) -> Result<(), Failure> {
        if self.node == 0 {
            return Ok(());
        }
        let detection = self.member.as_ref().map(|member| member.detection);
        let idle = detection.unwrap_or_default().as_millis() / 2;
        session
            .run(
                "SELECT fanfare.be_present($1, $2)",
                &[
                    (&self.node, Type::INT8),
                    (&i32::try_from(idle).unwrap_or(i32::MAX), Type::INT4),
                ],
            )
            .await
            .map(drop)
    }

    /// Whether events that this node accepts are left to others.
    pub(crate) fn leaves_work(&self) -> bool {
        self.member.as_ref().is_some_and(|member| !member.delivers)
    }
}
