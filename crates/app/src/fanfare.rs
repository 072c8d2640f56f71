//! The use cases' common ground: ports, directory, limits.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use fanfare_domain::address::AddressPolicy;
use fanfare_domain::key::{Key, KeyDigest};
use fanfare_domain::name::{EnvironmentId, Scope};
use fanfare_domain::rate::RateLimit;
use tokio::sync::{Mutex, Notify};

use crate::directory::{Directory, Touched};
use crate::error::UseCaseError;
use crate::filter::{FilterThreads, FilterThreadsOptions};
use crate::matching::Outcomes;
use crate::notices::{Notice, Queue};
use crate::port::{Clock, Configuration, Deliveries, Dispatch, Log, Random, Sender, StoreError};
use crate::quotas::KeyPaces;
use crate::recovery::JobLimits;

/// What the use cases are given.
#[derive(Clone)]
pub struct Ports {
    /// The configuration part of the store.
    pub configuration: Arc<dyn Configuration>,
    /// The log part of the store.
    pub log: Arc<dyn Log>,
    /// The deliveries part of the store.
    pub deliveries: Arc<dyn Deliveries>,
    /// The engine.
    pub dispatch: Arc<dyn Dispatch>,
    /// The network.
    pub sender: Arc<dyn Sender>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub random: Arc<dyn Random>,
}

/// What the operator sets for the use cases.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Which addresses endpoints may name.
    pub addresses: AddressPolicy,
    /// Whether endpoints must use HTTPS.
    pub https_only: bool,
    /// The most bytes of an event's data.
    pub event_bytes: usize,
    /// The most endpoints of a tenant, at most [`fanfare_domain::id::MAX_TARGETS`].
    pub endpoints_per_tenant: usize,
    /// The most deliveries of a tenant that have not ended; none: any number.
    pub waiting_per_tenant: Option<u64>,
    /// How many events a key may publish that has no rate of its own; none: any number.
    pub publishes_per_key: Option<RateLimit>,
    /// How long an `Idempotency-Key` counts.
    pub idempotency: Duration,
    /// How long a rotated secret goes on signing unless the caller says otherwise.
    pub rotation_overlap: Duration,
    /// Bounds of jobs.
    pub jobs: JobLimits,
    /// How much is evaluated at once of endpoints' filters.
    pub filters: FilterThreadsOptions,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            addresses: AddressPolicy::default(),
            https_only: false,
            event_bytes: 256 * 1024,
            endpoints_per_tenant: 1_000,
            waiting_per_tenant: None,
            publishes_per_key: None,
            idempotency: Duration::from_secs(24 * 3600),
            rotation_overlap: Duration::from_secs(24 * 3600),
            jobs: JobLimits::default(),
            filters: FilterThreadsOptions::default(),
        }
    }
}

/// The use cases. Their methods stand in the modules of their nouns.
pub struct Fanfare {
    pub(crate) ports: Ports,
    pub(crate) directory: Arc<Directory>,
    pub(crate) limits: Limits,
    pub(crate) filters: FilterThreads,
    pub(crate) outcomes: Outcomes,
    /// The administrator's key from the settings, which is in no store.
    administrator: Option<Arc<Key>>,
    /// Held while changes are taken in, so that they are taken in once and in order.
    refreshing: Mutex<()>,
    /// Up to where payloads past their time were dropped since the start, so that each pass looks at
    /// new ones only. A start looks at all once.
    pub(crate) payloads_dropped_to: AtomicI64,
    /// Changes of state that are to become operational events.
    pub(crate) notices: Queue,
    /// Told when there is a job to begin or to go on with. A hint: the runner looks by itself too.
    pub(crate) told_of_job: Notify,
    /// How far keys have used up their rates.
    pub(crate) key_paces: KeyPaces,
}

impl std::fmt::Debug for Fanfare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fanfare")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

/// Changes that are taken in at once.
const REFRESH_STEP: usize = 1_000;

impl Fanfare {
    /// Puts the ports together. `administrator` is the key from the settings, if there is one.
    #[must_use]
    pub fn new(
        ports: Ports,
        directory: Arc<Directory>,
        limits: Limits,
        administrator: Option<&str>,
    ) -> Self {
        let administrator =
            administrator.map(|text| Arc::new(crate::keys::administrator(KeyDigest::of(text))));
        Self {
            ports,
            directory,
            filters: FilterThreads::new(limits.filters),
            outcomes: Outcomes::new(),
            limits,
            administrator,
            refreshing: Mutex::new(()),
            payloads_dropped_to: AtomicI64::new(0),
            notices: Queue::default(),
            told_of_job: Notify::new(),
            key_paces: KeyPaces::default(),
        }
    }

    /// The configuration in memory.
    #[must_use]
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// What the operator set.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The ports.
    #[must_use]
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// The key with this text, if it counts now.
    #[must_use]
    pub fn key(&self, text: &str) -> Option<Arc<Key>> {
        let digest = KeyDigest::of(text);
        if let Some(administrator) = &self.administrator
            && administrator.digest == digest
        {
            return Some(Arc::clone(administrator));
        }
        let key = self.directory.key(&digest)?;
        match key.expires_at {
            Some(end) if end <= self.ports.clock.now() => None,
            _ => Some(key),
        }
    }

    /// Takes in what changed in the configuration since the last time.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.refreshing.lock().await;
        let starting = self.directory.revision() == 0;
        loop {
            let changes = self
                .ports
                .configuration
                .changes_after(self.directory.revision(), REFRESH_STEP)
                .await?;
            for Touched { id, before, after } in self.directory.apply(&changes)? {
                self.ports.dispatch.changed(id);
                let before = before.as_ref().map(|target| &target.endpoint);
                let after = after.as_ref().map(|target| &target.endpoint);
                // What a start reads was there before.
                if !starting {
                    for notice in Notice::between(before, after) {
                        self.tell(notice);
                    }
                }
            }
            if changes.len() < REFRESH_STEP {
                return Ok(());
            }
        }
    }

    pub(crate) fn scope_exists(&self, scope: &Scope) -> Result<(), UseCaseError> {
        if self.directory.has_tenant(scope) {
            Ok(())
        } else {
            Err(UseCaseError::not_found("tenant", &scope.tenant))
        }
    }

    /// Checks that there is such an environment.
    ///
    /// # Errors
    /// [`UseCaseError::NotFound`].
    pub fn environment_exists(&self, environment: &EnvironmentId) -> Result<(), UseCaseError> {
        if self.directory.has_environment(environment) {
            Ok(())
        } else {
            Err(UseCaseError::not_found("environment", environment))
        }
    }

    pub(crate) fn secret_chance(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.ports.random.secret(&mut bytes);
        bytes
    }
}
