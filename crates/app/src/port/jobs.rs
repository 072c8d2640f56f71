//! Jobs of the deliveries part: kept beside the rows that they make, so that a step of a job and how far
//! it has come are one commit. That is what takes each delivery exactly once, whatever crashes.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::{DeliveryId, EndpointId, EventId, JobId};
use fanfare_domain::job::{Filter, Job};
use fanfare_domain::name::{EnvironmentId, Scope, TenantId};
use fanfare_domain::time::Timestamp;

use super::StoreError;
use super::deliveries::{Settled, Settlement};

/// A job as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptJob {
    /// The job.
    pub job: Job,
    /// How often it was changed; a change names what it was made from.
    pub revision: i64,
}

/// The most open jobs, those that run or are paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobBounds {
    /// Of a tenant; or of those that are of no tenant, in an environment.
    pub of_tenant: usize,
    /// In all.
    pub in_all: usize,
}

/// What became of a job to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobMade {
    /// It is there.
    Made,
    /// The tenant has too many open ones.
    TenantHasTooMany,
    /// There are too many open ones.
    TooMany,
}

/// A change of a job, or a step of it with what it did.
#[derive(Clone, Debug)]
pub struct JobStep {
    /// The job as it is afterwards.
    pub job: Job,
    /// The revision that this was made of.
    pub revision: i64,
    /// What it did to deliveries.
    pub settlements: Arc<Vec<Settlement>>,
    /// What it counts now, so that it is wished no more of other nodes.
    pub counted: Vec<DeliveryId>,
}

impl JobStep {
    /// A change that does nothing to deliveries.
    #[must_use]
    pub fn of(job: Job, revision: i64) -> Self {
        Self {
            job,
            revision,
            settlements: Arc::default(),
            counted: Vec::new(),
        }
    }
}

/// What became of a change or a step of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobChanged {
    /// It was made, with these answers to its settlements.
    Done(Vec<Settled>),
    /// The job was changed since, or is gone. Nothing was done.
    Outdated,
}

/// Which jobs to list: newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct JobQuery {
    /// Where.
    pub environment: EnvironmentId,
    /// Only those of this tenant.
    pub tenant: Option<TenantId>,
    /// Only those whose id is lower, that is, after it in the list.
    pub before: Option<JobId>,
    /// The most.
    pub limit: usize,
}

/// Which deliveries a job looks at next: oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Walk {
    /// Where.
    pub environment: EnvironmentId,
    /// Only those of this tenant.
    pub tenant: Option<TenantId>,
    /// Only those that fit.
    pub filter: Filter,
    /// Only those made before this time.
    pub made_before: Timestamp,
    /// Only those whose id is higher.
    pub after: Option<DeliveryId>,
    /// The most that are found.
    pub limit: usize,
}

/// What a walk found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Walked {
    /// Those that fit, oldest first.
    pub deliveries: Vec<Delivery>,
    /// The walk goes on after this one; none: it is at its end.
    pub next: Option<DeliveryId>,
}

/// Jobs, and what they need to know of deliveries.
#[async_trait]
pub trait Jobs: Send + Sync + 'static {
    /// Makes a job, unless there are too many open ones.
    async fn make_job(&self, job: Job, bounds: JobBounds) -> Result<JobMade, StoreError>;

    /// One job of an environment.
    async fn job(
        &self,
        environment: &EnvironmentId,
        id: JobId,
    ) -> Result<Option<KeptJob>, StoreError>;

    /// Jobs, newest first.
    async fn jobs(&self, query: &JobQuery) -> Result<Vec<KeptJob>, StoreError>;

    /// Jobs that run, oldest first.
    async fn running_jobs(&self, limit: usize) -> Result<Vec<KeptJob>, StoreError>;

    /// Replaces a job, records what it did to deliveries, as [`super::Deliveries::settle`] does, and forgets
    /// the wishes that it counted, in one commit; nothing where the job is not at this revision any more.
    async fn change_job(&self, step: JobStep) -> Result<JobChanged, StoreError>;

    /// Forgets up to `limit` jobs that ended before a time; answers how many.
    async fn drop_jobs(&self, ended_before: Timestamp, limit: usize) -> Result<usize, StoreError>;

    /// The next deliveries of a walk. Looks at a bounded number of rows, so that it may find fewer than
    /// asked for, or none, and still go on.
    async fn walk(&self, walk: &Walk) -> Result<Walked, StoreError>;

    /// Which of these events' deliveries were repeated: the newest delivery of each event to its
    /// endpoint that is not the event's first.
    async fn repeats(
        &self,
        scope: &Scope,
        deliveries: &[(EventId, EndpointId)],
    ) -> Result<HashMap<(EventId, EndpointId), Delivery>, StoreError>;

    /// These deliveries of a tenant; those without a row are left out.
    async fn some_deliveries(
        &self,
        scope: &Scope,
        ids: &[DeliveryId],
    ) -> Result<HashMap<DeliveryId, Delivery>, StoreError>;
}
