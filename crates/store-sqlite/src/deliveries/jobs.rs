//! The jobs of the deliveries part.

use std::collections::HashMap;

use async_trait::async_trait;
use fanfare_app::port::Wishes;
use fanfare_app::port::error::StoreError;
use fanfare_app::port::jobs::{
    JobBounds, JobChanged, JobMade, JobQuery, JobStep, Jobs, KeptJob, Walk, Walked,
};
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::{DeliveryId, EndpointId, EventId, JobId};
use fanfare_domain::job::Job;
use fanfare_domain::name::{EnvironmentId, Scope};
use fanfare_domain::time::Timestamp;

use super::{SqliteDeliveries, lookup, settle, walk};
use crate::jobs;

/// There is but one node.
impl Wishes for SqliteDeliveries {}

#[async_trait]
impl Jobs for SqliteDeliveries {
    async fn make_job(&self, job: Job, bounds: JobBounds) -> Result<JobMade, StoreError> {
        let writer = &self.database.writer;
        writer
            .ask(jobs::WEIGHT, move |writing| {
                jobs::make(writing, &job, bounds)
            })
            .await
    }

    async fn job(
        &self,
        environment: &EnvironmentId,
        id: JobId,
    ) -> Result<Option<KeptJob>, StoreError> {
        let environment = environment.clone();
        let readers = &self.database.readers;
        readers
            .read(move |reading| jobs::one(reading, &environment, id))
            .await
    }

    async fn jobs(&self, query: &JobQuery) -> Result<Vec<KeptJob>, StoreError> {
        let query = query.clone();
        let readers = &self.database.readers;
        readers
            .read(move |reading| jobs::page(reading, &query))
            .await
    }

    async fn running_jobs(&self, limit: usize) -> Result<Vec<KeptJob>, StoreError> {
        let readers = &self.database.readers;
        readers
            .read(move |reading| jobs::running(reading, limit))
            .await
    }

    async fn change_job(&self, step: JobStep) -> Result<JobChanged, StoreError> {
        let rows: usize = step.settlements.iter().map(settle::weight).sum();
        let writer = &self.database.writer;
        writer
            .ask(rows + jobs::WEIGHT, move |writing| {
                jobs::change(writing, &step)
            })
            .await
    }

    async fn drop_jobs(&self, ended_before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let weight = limit.min(jobs::AT_ONCE) * jobs::WEIGHT;
        let writer = &self.database.writer;
        writer
            .ask(weight, move |writing| {
                jobs::forget(writing, ended_before, limit)
            })
            .await
    }

    async fn walk(&self, walk: &Walk) -> Result<Walked, StoreError> {
        let walk = walk.clone();
        let readers = &self.database.readers;
        readers
            .read(move |reading| walk::walk(reading, &walk))
            .await
    }

    async fn repeats(
        &self,
        scope: &Scope,
        deliveries: &[(EventId, EndpointId)],
    ) -> Result<HashMap<(EventId, EndpointId), Delivery>, StoreError> {
        let (scope, deliveries) = (scope.clone(), deliveries.to_vec());
        let readers = &self.database.readers;
        readers
            .read(move |reading| lookup::repeats(reading, &scope, &deliveries))
            .await
    }

    async fn some_deliveries(
        &self,
        scope: &Scope,
        ids: &[DeliveryId],
    ) -> Result<HashMap<DeliveryId, Delivery>, StoreError> {
        let (scope, ids) = (scope.clone(), ids.to_vec());
        let readers = &self.database.readers;
        readers
            .read(move |reading| lookup::some(reading, &scope, &ids))
            .await
    }
}
