//! Jobs, which nodes share.

use std::collections::HashMap;

use async_trait::async_trait;
use fanfare_app::port::jobs::{
    JobBounds, JobChanged, JobMade, JobQuery, JobStep, KeptJob, Walk, Walked,
};
use fanfare_app::port::{Jobs, StoreError};
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::{DeliveryId, EndpointId, EventId, JobId};
use fanfare_domain::job::Job;
use fanfare_domain::name::{EnvironmentId, Scope};
use fanfare_domain::time::Timestamp;

use super::NodeStore;

#[async_trait]
impl Jobs for NodeStore {
    async fn make_job(&self, job: Job, bounds: JobBounds) -> Result<JobMade, StoreError> {
        self.reach().await?;
        self.back(self.store().make_job(job, bounds).await).await
    }

    async fn job(
        &self,
        environment: &EnvironmentId,
        id: JobId,
    ) -> Result<Option<KeptJob>, StoreError> {
        self.reach().await?;
        self.store().job(environment, id).await
    }

    async fn jobs(&self, query: &JobQuery) -> Result<Vec<KeptJob>, StoreError> {
        self.reach().await?;
        self.store().jobs(query).await
    }

    async fn running_jobs(&self, limit: usize) -> Result<Vec<KeptJob>, StoreError> {
        self.reach().await?;
        self.back(self.store().running_jobs(limit).await).await
    }

    async fn change_job(&self, step: JobStep) -> Result<JobChanged, StoreError> {
        self.begin().await?;
        let kept = self.store().job(&step.job.environment, step.job.id).await?;
        if kept.is_some_and(|kept| kept.revision == step.revision) {
            self.name_rows(&step.settlements).await?;
            let shared = &self.member.shared;
            shared.forget_wishes(step.job.id, &step.counted);
        }
        self.back(self.store().change_job(step).await).await
    }

    async fn drop_jobs(&self, ended_before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.reach().await?;
        self.store().drop_jobs(ended_before, limit).await
    }

    async fn walk(&self, walk: &Walk) -> Result<Walked, StoreError> {
        self.reach().await?;
        self.back(self.store().walk(walk).await).await
    }

    async fn repeats(
        &self,
        scope: &Scope,
        deliveries: &[(EventId, EndpointId)],
    ) -> Result<HashMap<(EventId, EndpointId), Delivery>, StoreError> {
        self.reach().await?;
        self.store().repeats(scope, deliveries).await
    }

    async fn some_deliveries(
        &self,
        scope: &Scope,
        ids: &[DeliveryId],
    ) -> Result<HashMap<DeliveryId, Delivery>, StoreError> {
        self.reach().await?;
        self.store().some_deliveries(scope, ids).await
    }
}
