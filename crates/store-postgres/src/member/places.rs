//! Whose work is whose.

use std::sync::{Arc, OnceLock};

use fanfare_domain::id::EndpointId;
use tokio_postgres::types::Type;

use super::{Member, Placement};
use crate::failure::Failure;
use crate::hints::Hints;
use crate::session::Session;

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

    /// Who attempts a delivery that waits for this endpoint from now on.
    pub(crate) fn of(&self, endpoint: EndpointId) -> i64 {
        let Some(member) = &self.member else {
            return self.node;
        };
        let one = self.placement.get();
        if one.is_some_and(|placement| placement.one_at_a_time(endpoint)) {
            let owner = member.owner(endpoint);
            if owner != self.node {
                self.hints.is_due(endpoint);
            }
            return owner;
        }
        if member.delivers {
            return self.node;
        }
        self.hints.work_is_left();
        0
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
