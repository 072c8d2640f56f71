//! The deliveries part.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use fanfare_app::port::StoreError;
use fanfare_app::port::deliveries::{
    Backlog, Count, Deliveries, DeliveryQuery, Due, Expired, InTurn, Placed, Settled, Settlement,
    Tally, WaitingLane,
};
use fanfare_app::port::log::Position;
use fanfare_domain::attempt::Attempt;
use fanfare_domain::batch::InBatch;
use fanfare_domain::delivery::{Delivery, DeliveryState, DiscardedReason};
use fanfare_domain::id::{AttemptId, BatchId, DeliveryId, EndpointId, EventId};
use fanfare_domain::name::Scope;
use fanfare_domain::order::{Ordering, Strand};
use fanfare_domain::time::Timestamp;

use super::{EVER, NodeStore};

impl NodeStore {
    /// What is of no strand and waits in the name in which this node reads.
    async fn timed(&self, endpoint: EndpointId) -> Result<Vec<(Timestamp, Delivery)>, StoreError> {
        let Some(name) = self.reads(endpoint) else {
            return Ok(Vec::new());
        };
        let shared = &self.member.shared;
        let all = self.store().due(endpoint, EVER, usize::MAX).await?;
        let own = all.deliveries.into_iter();
        let own = own.filter(|row| shared.waits_for(row.id) == Some(name));
        let timed = own.filter_map(|row| match row.state {
            DeliveryState::Waiting { due_at } => Some((due_at, row)),
            _ => None,
        });
        Ok(timed.collect())
    }
}

#[async_trait]
impl Deliveries for NodeStore {
    async fn settle(
        &self,
        settlements: Arc<Vec<Settlement>>,
        materialised: Option<Position>,
    ) -> Result<Vec<Settled>, StoreError> {
        self.begin().await?;
        let opened = self.name_rows(&settlements).await?;
        if let Some(position) = materialised {
            self.member.shared.materialise(self.id(), position);
        }
        let settled = self.store().settle(settlements, None).await;
        let settled = self.back(settled).await;
        for (endpoint, strand) in opened {
            self.tell(endpoint, strand);
        }
        settled
    }

    async fn materialised(&self) -> Result<Position, StoreError> {
        self.reach().await?;
        Ok(self.member.shared.materialised(self.id()))
    }

    async fn existing(
        &self,
        scope: &Scope,
        ids: &[DeliveryId],
    ) -> Result<HashSet<DeliveryId>, StoreError> {
        self.reach().await?;
        self.back(self.store().existing(scope, ids).await).await
    }

    async fn due(
        &self,
        endpoint: EndpointId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Due, StoreError> {
        self.reach().await?;
        let mut due = Due::default();
        for (at, row) in self.timed(endpoint).await? {
            if at > now || due.deliveries.len() == limit {
                due.next = Some(at);
                break;
            }
            due.deliveries.push(row);
        }
        self.back(Ok(due)).await
    }

    async fn bind(
        &self,
        scope: &Scope,
        batch: BatchId,
        strand: Option<Strand>,
        members: Vec<DeliveryId>,
    ) -> Result<Vec<(DeliveryId, InBatch)>, StoreError> {
        self.begin().await?;
        let first = members.first().copied();
        let mut own = members;
        own.retain(|id| self.reads_row(*id));
        if own.first().copied() != first {
            own.clear();
        }
        let bound = self.store().bind(scope, batch, strand, own).await?;
        for (id, _) in &bound {
            self.member.shared.bind(*id, batch);
        }
        self.back(Ok(bound)).await
    }

    async fn members(&self, batch: BatchId) -> Result<Vec<Delivery>, StoreError> {
        self.reach().await?;
        let mut members = self.store().members(batch).await?;
        members.retain(|row| self.reads_row(row.id));
        self.back(Ok(members)).await
    }

    async fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        self.reach().await?;
        let shared = &self.member.shared;
        let mut expired = self.store().expired(now, usize::MAX).await?;
        expired.retain(|row| {
            let name = self.reads(row.endpoint);
            name.is_some() && shared.waits_for(row.id) == name
        });
        expired.truncate(limit);
        self.back(Ok(expired)).await
    }

    async fn lanes(
        &self,
        after: Option<EndpointId>,
        limit: usize,
    ) -> Result<Vec<WaitingLane>, StoreError> {
        self.reach().await?;
        let mut lanes = Vec::new();
        for mut lane in self.store().lanes(after, usize::MAX).await? {
            if self.has_an_owner(lane.endpoint) {
                self.member.want(lane.endpoint);
                if self.reads(lane.endpoint).is_some() {
                    lanes.push(lane);
                }
            } else if let Some((first, _)) = self.timed(lane.endpoint).await?.first() {
                lane.next = *first;
                lanes.push(lane);
            }
        }
        lanes.truncate(limit);
        self.back(Ok(lanes)).await
    }

    async fn in_turn(
        &self,
        endpoint: EndpointId,
        strand: Strand,
        from: Position,
        limit: usize,
    ) -> Result<InTurn, StoreError> {
        self.reach().await?;
        let found = match self.reads(endpoint) {
            Some(_) => self.store().in_turn(endpoint, strand, from, limit).await,
            None => Ok(InTurn::default()),
        };
        self.back(found).await
    }

    async fn strands(
        &self,
        endpoint: EndpointId,
        after: Option<Strand>,
        limit: usize,
    ) -> Result<Vec<Strand>, StoreError> {
        self.reach().await?;
        let found = match self.reads(endpoint) {
            Some(_) => self.store().strands(endpoint, after, limit).await,
            None => Ok(Vec::new()),
        };
        self.back(found).await
    }

    async fn out_of_turn(
        &self,
        endpoint: EndpointId,
        ordering: Ordering,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.reach().await?;
        let found = match self.reads(endpoint) {
            Some(_) => self.store().out_of_turn(endpoint, ordering, limit).await,
            None => Ok(Vec::new()),
        };
        self.back(found).await
    }

    async fn place(&self, placed: Vec<Placed>) -> Result<(), StoreError> {
        self.begin().await?;
        self.back(self.store().place(placed).await).await
    }

    async fn holding(
        &self,
        endpoints: &[EndpointId],
        most: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.reach().await?;
        self.back(self.store().holding(endpoints, most).await).await
    }

    async fn lift_hold(&self, scope: &Scope, id: DeliveryId) -> Result<bool, StoreError> {
        self.begin().await?;
        self.back(self.store().lift_hold(scope, id).await).await
    }

    async fn lift_holds(&self, endpoint: EndpointId, limit: usize) -> Result<usize, StoreError> {
        self.begin().await?;
        self.back(self.store().lift_holds(endpoint, limit).await)
            .await
    }

    async fn discard(
        &self,
        _: EndpointId,
        _: DiscardedReason,
        _: Timestamp,
        _: usize,
    ) -> Result<usize, StoreError> {
        // No endpoint is disabled or deleted here.
        Err(StoreError::unavailable("nothing is discarded here"))
    }

    async fn delivery(
        &self,
        scope: &Scope,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, StoreError> {
        self.reach().await?;
        self.back(self.store().delivery(scope, id).await).await
    }

    async fn deliveries(&self, query: &DeliveryQuery) -> Result<Vec<Delivery>, StoreError> {
        self.reach().await?;
        self.store().deliveries(query).await
    }

    async fn attempts(
        &self,
        scope: &Scope,
        after: AttemptId,
        limit: usize,
    ) -> Result<Vec<Attempt>, StoreError> {
        self.reach().await?;
        self.store().attempts(scope, after, limit).await
    }

    async fn replace_response(
        &self,
        scope: &Scope,
        attempt: AttemptId,
        body: Vec<u8>,
    ) -> Result<bool, StoreError> {
        self.reach().await?;
        self.store().replace_response(scope, attempt, body).await
    }

    async fn tallies(
        &self,
        endpoint: EndpointId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Tally>, StoreError> {
        self.reach().await?;
        self.store().tallies(endpoint, from, to).await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.reach().await?;
        self.store().backlog().await
    }

    async fn waiting_of(&self, tenants: &[(Scope, u64)]) -> Result<Vec<Count>, StoreError> {
        self.reach().await?;
        self.store().waiting_of(tenants).await
    }

    async fn waiting_events(&self, ids: &[EventId]) -> Result<HashSet<EventId>, StoreError> {
        self.reach().await?;
        self.store().waiting_events(ids).await
    }

    async fn drop_expired(&self, expired: Expired, limit: usize) -> Result<usize, StoreError> {
        self.reach().await?;
        self.store().drop_expired(expired, limit).await
    }
}
