//! The jobs of the deliveries part.

use std::collections::HashMap;

use async_trait::async_trait;
use fanfare_app::port::error::StoreError;
use fanfare_app::port::jobs::{
    JobBounds, JobChanged, JobMade, JobQuery, JobStep, Jobs, KeptJob, Walk, Walked,
};
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::{DeliveryId, EndpointId, EventId, JobId};
use fanfare_domain::job::Job;
use fanfare_domain::name::{EnvironmentId, Scope};
use fanfare_domain::time::Timestamp;

use super::write::{self, Write, Written};
use super::{PostgresDeliveries, lookup, settle, walk};
use crate::jobs;

#[async_trait]
impl Jobs for PostgresDeliveries {
    async fn make_job(&self, job: Job, bounds: JobBounds) -> Result<JobMade, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(jobs::make(&session, &job, bounds).await?)
    }

    async fn job(
        &self,
        environment: &EnvironmentId,
        id: JobId,
    ) -> Result<Option<KeptJob>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(jobs::one(&session, environment, id).await?)
    }

    async fn jobs(&self, query: &JobQuery) -> Result<Vec<KeptJob>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(jobs::page(&session, query).await?)
    }

    async fn running_jobs(&self, limit: usize) -> Result<Vec<KeptJob>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(jobs::running(&session, limit).await?)
    }

    async fn change_job(&self, step: JobStep) -> Result<JobChanged, StoreError> {
        let rows: usize = step.settlements.iter().map(settle::weight).sum();
        let write = Write::ChangeJob(Box::new(step));
        match self.queue.ask(rows + write::ROW, write).await? {
            Written::Changed(changed) => Ok(changed),
            _ => Err(write::mixed_up()),
        }
    }

    async fn drop_jobs(&self, ended_before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(jobs::forget(&session, ended_before, limit).await?)
    }

    async fn walk(&self, walk: &Walk) -> Result<Walked, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(walk::walk(&session, &self.database.scopes, walk).await?)
    }

    async fn repeats(
        &self,
        scope: &Scope,
        deliveries: &[(EventId, EndpointId)],
    ) -> Result<HashMap<(EventId, EndpointId), Delivery>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(lookup::repeats(&session, &self.database.scopes, scope, deliveries).await?)
    }

    async fn some_deliveries(
        &self,
        scope: &Scope,
        ids: &[DeliveryId],
    ) -> Result<HashMap<DeliveryId, Delivery>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(lookup::some(&session, &self.database.scopes, scope, ids).await?)
    }
}
