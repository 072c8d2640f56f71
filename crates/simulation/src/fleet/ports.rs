//! The store as one node sees it: its own rows and log, and what waits for the endpoints that it owns. What it
//! writes is refused once it is gone.

mod configuration;
mod deliveries;
mod jobs;
mod log;
mod wishes;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use fanfare_app::directory::Directory;
use fanfare_app::nodes::NodeId;
use fanfare_app::port::deliveries::{Settlement, WaitingLane};
use fanfare_app::port::{Coordination, Deliveries, Log, StoreError};
use fanfare_domain::delivery::DeliveryState;
use fanfare_domain::id::{DeliveryId, EndpointId};
use fanfare_domain::order::Strand;
use fanfare_domain::time::Timestamp;
use fanfare_testkit::memory_store::MemoryStore;

use super::gate::Gate;
use super::node::Membership;
use super::shared::{News, OWNERS};
use super::{Fact, Mutant};

/// The longest that a way to the store takes, in milliseconds.
const WAY: u64 = 6;
/// Later than everything.
const EVER: Timestamp = Timestamp::from_micros(i64::MAX);

#[derive(Clone)]
pub(super) struct NodeStore {
    pub(super) member: Arc<Membership>,
    pub(super) gate: Gate,
    pub(super) directory: Arc<Directory>,
}

impl NodeStore {
    fn store(&self) -> &MemoryStore {
        &self.member.shared.store
    }

    fn id(&self) -> NodeId {
        self.member.id
    }

    async fn way(&self) {
        let long = self.member.shared.chance.below(WAY);
        tokio::time::sleep(Duration::from_millis(long)).await;
    }

    /// The way to the store; what follows without waiting is one transaction.
    async fn reach(&self) -> Result<(), StoreError> {
        self.way().await;
        self.gate.store().await
    }

    /// The same for what only a node that is there may write.
    async fn begin(&self) -> Result<(), StoreError> {
        self.reach().await?;
        if !self.member.shared.is_there(self.id()) {
            return Err(StoreError::unavailable("the node is gone"));
        }
        self.member.shared.chronicle.note(Fact::Wrote(self.id()));
        Ok(())
    }

    /// The way back. What was done is done, whether it is heard of or not.
    async fn back<T>(&self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        self.way().await;
        self.gate.store().await?;
        answer
    }

    fn has_an_owner(&self, endpoint: EndpointId) -> bool {
        let target = self.directory.target(endpoint);
        target.is_some_and(|target| target.endpoint.served_by_one())
    }

    fn name_of(&self, endpoint: EndpointId) -> NodeId {
        match self.has_an_owner(endpoint) {
            true => OWNERS,
            false => self.id(),
        }
    }

    /// In whose name what this node attempts for an endpoint waits.
    fn reads(&self, endpoint: EndpointId) -> Option<NodeId> {
        if !self.has_an_owner(endpoint) {
            return Some(self.id());
        }
        self.member.owns(endpoint).map(|_| OWNERS)
    }

    /// Whether a row waits in a name in which this node reads.
    fn reads_row(&self, id: DeliveryId) -> bool {
        let Some((name, endpoint)) = self.member.shared.named(id) else {
            return false;
        };
        let skipped = name == OWNERS && self.member.shared.has(Mutant::BindNoOwners);
        self.reads(endpoint) == Some(name) && !skipped
    }

    fn tell(&self, endpoint: EndpointId, strand: Option<Strand>) {
        if self.has_an_owner(endpoint) && self.member.owns(endpoint).is_none() {
            self.member.want(endpoint);
            let left = News::Left((endpoint, strand));
            self.member.shared.tell(self.id(), left);
        }
    }

    /// Names the rows that settlements make, and answers where.
    async fn name_rows(
        &self,
        settlements: &[Settlement],
    ) -> Result<BTreeSet<super::shared::Left>, StoreError> {
        let shared = &self.member.shared;
        let mut opened = BTreeSet::new();
        for Settlement { delivery, .. } in settlements {
            if delivery.state.ended() {
                shared.unname(delivery.id);
                continue;
            }
            let there = self
                .store()
                .existing(&delivery.scope, &[delivery.id])
                .await?;
            if there.is_empty() {
                shared.name(
                    delivery.id,
                    delivery.endpoint,
                    self.name_of(delivery.endpoint),
                );
                let strand = delivery.turn.and_then(|turn| turn.strand);
                opened.insert((delivery.endpoint, strand));
            }
        }
        Ok(opened)
    }

    /// Gives what nodes accepted that are gone its rows, and what waits in their names another name. Answers
    /// for which endpoints this node attempts something of that.
    pub(super) async fn take_over(&self) -> Result<Vec<EndpointId>, StoreError> {
        self.begin().await?;
        let shared = &self.member.shared;
        for orphan in shared.gone() {
            let from = shared.materialised(orphan);
            for (position, event) in self.store().read_after(from, usize::MAX).await? {
                if shared.accepted_by(position) != orphan {
                    continue;
                }
                for (place, (id, endpoint)) in (0u16..).zip(event.deliveries()) {
                    if !self.store().existing(&event.scope, &[id]).await?.is_empty() {
                        continue;
                    }
                    let mut delivery = event.first_delivery(place, endpoint);
                    if let Some(target) = self.directory.target(endpoint) {
                        let policy = target.policy_of(&event.event_type);
                        let due_at = policy.first_due(event.due_from());
                        delivery.state = DeliveryState::Waiting { due_at };
                    }
                    delivery.wait_no_longer_than_its_end();
                    shared.name(id, endpoint, 0);
                    let row = Settlement {
                        delivery,
                        attempt: None,
                    };
                    self.store().settle(Arc::new(vec![row]), None).await?;
                }
                shared.materialise(orphan, position);
            }
        }
        let claimed = shared.claim(|endpoint| self.name_of(endpoint));
        self.back(Ok(())).await?;
        let mut due = Vec::new();
        for endpoint in claimed {
            match self.reads(endpoint) {
                Some(_) => due.push(endpoint),
                None => self.tell(endpoint, None),
            }
        }
        Ok(due)
    }

    /// Endpoints with an owner for which something waits: those of this node. It asks for others that it
    /// should own.
    pub(super) async fn owned(&self) -> Result<Vec<WaitingLane>, StoreError> {
        self.reach().await?;
        let lanes = self.store().lanes(None, usize::MAX).await?;
        self.back(Ok(())).await?;
        let mut owned = Vec::new();
        for lane in lanes {
            if !self.has_an_owner(lane.endpoint) {
                continue;
            }
            match self.member.owns(lane.endpoint) {
                Some(_) => owned.push(lane),
                None => self.member.want(lane.endpoint),
            }
        }
        Ok(owned)
    }
}
