//! Wishes, which reach whichever node attempts a delivery.

use std::collections::HashSet;

use async_trait::async_trait;
use fanfare_app::port::deliveries::Deliveries;
use fanfare_app::port::wishes::{EndedElsewhere, Wished, Wishes};
use fanfare_app::port::{Jobs, StoreError};
use fanfare_domain::delivery::{Delivery, DeliveryState, DiscardedReason};
use fanfare_domain::id::{DeliveryId, JobId};
use fanfare_domain::job::JobState;
use fanfare_testkit::builders::acme;

use super::NodeStore;
use crate::fleet::shared::News;

#[async_trait]
impl Wishes for NodeStore {
    async fn wish_extra(&self, delivery: &Delivery) -> Result<bool, StoreError> {
        self.reach().await?;
        let shared = &self.member.shared;
        let left = shared.wish_extra(self.id(), delivery);
        if left {
            shared.tell(self.id(), News::Work);
        }
        self.back(Ok(left)).await
    }

    async fn wish_ended(
        &self,
        job: JobId,
        deliveries: &[DeliveryId],
    ) -> Result<HashSet<DeliveryId>, StoreError> {
        self.reach().await?;
        let shared = &self.member.shared;
        let others = shared.wish_ended(self.id(), job, deliveries);
        if !others.is_empty() {
            shared.tell(self.id(), News::Work);
        }
        self.back(Ok(others)).await
    }

    async fn ended_elsewhere(&self, job: JobId) -> Result<Vec<EndedElsewhere>, StoreError> {
        self.reach().await?;
        let ids = self.member.shared.ended_for(job);
        let rows = self.store().some_deliveries(&acme(), &ids).await?;
        let ended = ids.into_iter().map(|id| {
            let state = rows.get(&id).map(|row| row.state);
            let reason = DiscardedReason::Cancelled;
            EndedElsewhere {
                id,
                cancelled: matches!(state, Some(DeliveryState::Discarded { reason: its, .. }) if its == reason),
            }
        });
        self.back(Ok(ended.collect())).await
    }

    async fn wished(&self) -> Result<Wished, StoreError> {
        self.reach().await?;
        let jobs = self.store().running_jobs(usize::MAX).await?;
        let running = jobs
            .iter()
            .filter(|kept| kept.job.state == JobState::Running);
        let running = running.map(|kept| kept.job.id).collect();
        let found = self.member.shared.wished_of(self.id(), &running);
        let mut wished = Wished::default();
        for (id, attempts) in found.extra {
            let row = self.store().delivery(&acme(), id).await?;
            wished
                .extra
                .extend(row.map(|row| Delivery { attempts, ..row }));
        }
        for id in found.to_end {
            wished
                .to_end
                .extend(self.store().delivery(&acme(), id).await?);
        }
        self.back(Ok(wished)).await
    }
}
