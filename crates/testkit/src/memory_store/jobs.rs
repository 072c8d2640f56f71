//! Jobs, in the deliveries part.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use fanfare_app::port::jobs::{
    JobBounds, JobChanged, JobMade, JobQuery, JobStep, KeptJob, Walk, Walked,
};
use fanfare_app::port::{Jobs, StoreError, Wishes};
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::{DeliveryId, EndpointId, EventId, JobId};
use fanfare_domain::job::{Job, JobState};
use fanfare_domain::name::{EnvironmentId, Scope};
use fanfare_domain::time::Timestamp;

use super::deliveries::Rows;
use super::{Call, Change, MemoryStore};

/// The jobs by id.
pub(super) type Kept = BTreeMap<JobId, KeptJob>;

impl Rows {
    fn make_job(&mut self, job: Job, bounds: JobBounds) -> JobMade {
        let open = || self.jobs.values().filter(|kept| kept.job.state.open());
        let alike = |kept: &&KeptJob| {
            kept.job.environment == job.environment && kept.job.tenant == job.tenant
        };
        if open().count() >= bounds.in_all {
            return JobMade::TooMany;
        }
        if open().filter(alike).count() >= bounds.of_tenant {
            return JobMade::TenantHasTooMany;
        }
        self.changes.push(Change::Job(Box::new(job.clone()), 0));
        self.jobs.insert(job.id, KeptJob { job, revision: 1 });
        JobMade::Made
    }

    fn change_job(&mut self, step: JobStep) -> JobChanged {
        let JobStep {
            job, settlements, ..
        } = step;
        match self.jobs.get_mut(&job.id) {
            Some(kept) if kept.revision == step.revision => {
                kept.job = job.clone();
                kept.revision += 1;
            }
            _ => return JobChanged::Outdated,
        }
        let before = self.changes.len();
        let settled = settlements.iter().map(|each| self.settle(each)).collect();
        let did = self.changes.len() - before;
        self.changes.insert(before, Change::Job(Box::new(job), did));
        JobChanged::Done(settled)
    }

    fn drop_jobs(&mut self, ended_before: Timestamp, limit: usize) -> usize {
        let mut old: Vec<_> = self
            .jobs
            .values()
            .filter_map(|kept| Some((kept.job.ended_at?, kept.job.id)))
            .filter(|(ended, _)| *ended < ended_before)
            .collect();
        old.sort_unstable();
        old.truncate(limit);
        for (_, id) in &old {
            self.jobs.remove(id);
        }
        old.len()
    }

    fn walk(&self, walk: &Walk) -> Walked {
        let mut rows: Vec<_> = self
            .by_id
            .values()
            .filter(|row| {
                row.scope.environment == walk.environment
                    && (walk.tenant.as_ref()).is_none_or(|tenant| *tenant == row.scope.tenant)
                    && row.created_at < walk.made_before
                    && walk.after.is_none_or(|after| row.id > after)
                    && walk.filter.fits(row)
            })
            .collect();
        rows.sort_unstable_by_key(|row| row.id);
        rows.truncate(walk.limit);
        let full = rows.len() == walk.limit;
        Walked {
            next: rows.last().map(|row| row.id).filter(|_| full),
            deliveries: rows.into_iter().cloned().collect(),
        }
    }

    fn repeat(&self, scope: &Scope, event: EventId, endpoint: EndpointId) -> Option<Delivery> {
        let repeats = self.by_id.values().filter(|row| {
            row.scope == *scope
                && row.event == event
                && row.endpoint == endpoint
                && row.id.event() != event
        });
        repeats.max_by_key(|row| row.id).cloned()
    }
}

/// There is but one node.
impl Wishes for MemoryStore {}

#[async_trait]
impl Jobs for MemoryStore {
    async fn make_job(&self, job: Job, bounds: JobBounds) -> Result<JobMade, StoreError> {
        self.call(Call::ChangeJob, |state| {
            state.deliveries.make_job(job, bounds)
        })
        .await
    }

    async fn job(
        &self,
        environment: &EnvironmentId,
        id: JobId,
    ) -> Result<Option<KeptJob>, StoreError> {
        self.call(Call::ReadJobs, |state| {
            let kept = state.deliveries.jobs.get(&id);
            kept.filter(|kept| kept.job.environment == *environment)
                .cloned()
        })
        .await
    }

    async fn jobs(&self, query: &JobQuery) -> Result<Vec<KeptJob>, StoreError> {
        self.call(Call::ReadJobs, |state| {
            let wanted = |kept: &&KeptJob| {
                kept.job.environment == query.environment
                    && (query.tenant.is_none() || kept.job.tenant == query.tenant)
                    && query.before.is_none_or(|before| kept.job.id < before)
            };
            let newest_first = state.deliveries.jobs.values().rev();
            newest_first
                .filter(wanted)
                .take(query.limit)
                .cloned()
                .collect()
        })
        .await
    }

    async fn running_jobs(&self, limit: usize) -> Result<Vec<KeptJob>, StoreError> {
        self.call(Call::ReadJobs, |state| {
            let kept = state.deliveries.jobs.values();
            let running = kept.filter(|kept| kept.job.state == JobState::Running);
            running.take(limit).cloned().collect()
        })
        .await
    }

    async fn change_job(&self, step: JobStep) -> Result<JobChanged, StoreError> {
        self.call(Call::ChangeJob, |state| state.deliveries.change_job(step))
            .await
    }

    async fn drop_jobs(&self, ended_before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.call(Call::Retain, |state| {
            state.deliveries.drop_jobs(ended_before, limit)
        })
        .await
    }

    async fn walk(&self, walk: &Walk) -> Result<Walked, StoreError> {
        self.call(Call::ReadJobs, |state| state.deliveries.walk(walk))
            .await
    }

    async fn repeats(
        &self,
        scope: &Scope,
        deliveries: &[(EventId, EndpointId)],
    ) -> Result<HashMap<(EventId, EndpointId), Delivery>, StoreError> {
        self.call(Call::ReadJobs, |state| {
            let rows = &state.deliveries;
            let repeat =
                |pair: &(EventId, EndpointId)| Some((*pair, rows.repeat(scope, pair.0, pair.1)?));
            deliveries.iter().filter_map(repeat).collect()
        })
        .await
    }

    async fn some_deliveries(
        &self,
        scope: &Scope,
        ids: &[DeliveryId],
    ) -> Result<HashMap<DeliveryId, Delivery>, StoreError> {
        self.call(Call::ReadJobs, |state| {
            let rows = &state.deliveries.by_id;
            let found = |id: &DeliveryId| Some((*id, rows.get(&(scope.clone(), *id))?.clone()));
            ids.iter().filter_map(found).collect()
        })
        .await
    }
}
