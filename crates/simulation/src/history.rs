//! What there is to judge after a run.

use std::collections::{BTreeMap, BTreeSet};

use fanfare_app::port::deliveries::{DeliveryQuery, Tally};
use fanfare_app::port::{Deliveries, Jobs, Log, StoreError};
use fanfare_delivery::{EngineOptions, Footprint};
use fanfare_domain::attempt::Attempt;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::{DeliveryId, EndpointId, EventId, JobId};
use fanfare_domain::name::Scope;
use fanfare_domain::time::Timestamp;
use fanfare_testkit::memory_store::MemoryStore;

use crate::chronicle::Fact;

/// A run as it was.
#[derive(Debug)]
pub struct History {
    /// The engine's settings.
    pub options: EngineOptions,
    /// What happened, in its order.
    pub facts: Vec<(Timestamp, Fact)>,
    /// What there was at the end.
    pub finals: Finals,
}

/// What there was at the end of a run.
#[derive(Debug, Default)]
pub struct Finals {
    /// The events in the log.
    pub events: BTreeSet<EventId>,
    /// Every row.
    pub rows: BTreeMap<DeliveryId, Delivery>,
    /// The attempts of each row, oldest first.
    pub attempts: BTreeMap<DeliveryId, Vec<Attempt>>,
    /// The tallies of each endpoint.
    pub tallies: BTreeMap<EndpointId, Vec<Tally>>,
    /// Jobs that had not ended and were not told to pause.
    pub jobs_left: Vec<JobId>,
    /// What the engine held; none when the run never came to its end.
    pub footprint: Option<Footprint>,
}

impl Finals {
    /// Reads everything from the store.
    pub(crate) async fn read(
        store: &MemoryStore,
        scopes: &[Scope],
        endpoints: &[EndpointId],
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let mut finals = Self::default();
        let log = store.read_after(0, usize::MAX).await?;
        finals.events = log.iter().map(|(_, event)| event.id).collect();
        let left = store.running_jobs(usize::MAX).await?;
        finals.jobs_left = left.iter().map(|kept| kept.job.id).collect();
        for scope in scopes {
            for row in store.deliveries(&everything_of(scope)).await? {
                let attempts = store.attempts(scope, row.id.attempt(0), usize::MAX).await?;
                finals.attempts.insert(row.id, attempts);
                finals.rows.insert(row.id, row);
            }
        }
        for endpoint in endpoints {
            let tallies = store.tallies(*endpoint, Timestamp::default(), now).await?;
            finals.tallies.insert(*endpoint, tallies);
        }
        Ok(finals)
    }
}

/// Every row of a tenant.
pub(crate) fn everything_of(scope: &Scope) -> DeliveryQuery {
    DeliveryQuery {
        scope: scope.clone(),
        event: None,
        endpoint: None,
        state: None,
        event_type: None,
        last_error: None,
        last_status: None,
        since: None,
        until: None,
        before: None,
        limit: usize::MAX,
    }
}
