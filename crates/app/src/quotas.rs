//! Quotas of tenants and keys, and what is counted for them.
//!
//! How many deliveries of a tenant have not ended is counted in memory, so that publishing reads no
//! store: up when an event is handed on, down when a delivery's end is committed. For tenants with a quota it is
//! counted anew from the store at the start and every 15 seconds, no further than the quota needs. It is off by
//! at most what is published within about two seconds, and events of requests under way at the same time are not
//! counted for each other; past 10,000, a store may estimate.

use std::collections::HashMap;
use std::time::Duration;

use fanfare_domain::fault::Fault;
use fanfare_domain::id::{KeyId, MAX_TARGETS};
use fanfare_domain::key::Key;
use fanfare_domain::name::{Scope, TenantId};
use fanfare_domain::quota::{Quota, TenantQuotas};
use fanfare_domain::rate::{Pace, Per, RateLimit};
use fanfare_domain::time::Timestamp;
use parking_lot::Mutex;

use crate::directory::Route;
use crate::error::{Exceeded, UseCaseError};
use crate::fanfare::Fanfare;
use crate::port::StoreError;
use crate::port::deliveries::{Count, MOST_COUNTED};

/// When to come again while too much waits. Nobody knows how fast it goes down.
const WAITING_AGAIN: Duration = Duration::from_secs(5);
/// When to come again with too many endpoints: it helps only if one was deleted meanwhile.
const ENDPOINTS_AGAIN: Duration = Duration::from_secs(60);

/// Tenants that are counted in one call of the store.
const TENANTS_AT_ONCE: usize = 20;
/// What one pass counts, of deliveries and tenants together, before it leaves the rest to the next.
const MOST_IN_A_PASS: u64 = 100_000;

/// How far keys have used up their rates. Only keys with a rate are in it, and those that are at rest
/// are swept out when it has grown.
#[derive(Debug, Default)]
pub(crate) struct Paces {
    by_key: HashMap<KeyId, Pace>,
    /// At this many, it is swept.
    sweep_at: usize,
}

/// Below this many it is not worth the while to sweep.
const FEW: usize = 1_024;

impl Paces {
    fn take(&mut self, key: KeyId, limit: &RateLimit, now: Timestamp) -> Result<(), Duration> {
        if self.by_key.len() >= self.sweep_at.max(FEW) {
            self.by_key.retain(|_, pace| !pace.is_whole(now));
            self.sweep_at = 2 * self.by_key.len();
        }
        let pace = self.by_key.entry(key).or_default();
        let ready = pace.ready_at(limit, now);
        if ready > now {
            return Err(ready.since(now));
        }
        pace.take(limit, now);
        Ok(())
    }
}

/// A mutex over them.
pub(crate) type KeyPaces = Mutex<Paces>;

/// What is wrong with a tenant's quotas.
pub(crate) fn faults(quotas: &TenantQuotas) -> Vec<Fault> {
    let mut faults = Vec::new();
    let most = u32::try_from(MAX_TARGETS).unwrap_or(u32::MAX);
    if quotas
        .endpoints
        .is_some_and(|count| !(1..=most).contains(&count))
    {
        let detail = format!("must be from 1 to {most}");
        faults.push(Fault::at("quotas/endpoints", detail));
    }
    if quotas.waiting_deliveries == Some(0) {
        faults.push(Fault::at("quotas/waiting_deliveries", "must be at least 1"));
    }
    faults
}

impl Fanfare {
    /// Refuses a further endpoint of a tenant that has as many as it may.
    pub(crate) fn endpoint_limit(&self, scope: &Scope) -> Result<(), UseCaseError> {
        let (count, quotas) = self.directory.endpoint_count(scope);
        let most = quotas
            .endpoints
            .map_or(self.limits.endpoints_per_tenant, |own| own as usize);
        if count < most {
            return Ok(());
        }
        Err(UseCaseError::Limit(Exceeded {
            quota: Quota::Endpoints,
            detail: format!(
                "the tenant {:?} has {count} endpoints, and may have {most}; delete one first",
                scope.tenant.as_str()
            ),
            retry_after: ENDPOINTS_AGAIN,
        }))
    }

    /// Refuses an event with so many targets where too much waits for the tenant already.
    pub(crate) fn waiting_limit(
        &self,
        tenant: &TenantId,
        route: &Route,
        targets: usize,
    ) -> Result<(), UseCaseError> {
        let own = route.quotas.waiting_deliveries;
        let Some(most) = own.or(self.limits.waiting_per_tenant) else {
            return Ok(());
        };
        if targets == 0 || route.waiting.saturating_add(targets as u64) <= most {
            return Ok(());
        }
        Err(UseCaseError::Limit(Exceeded {
            quota: Quota::WaitingDeliveries,
            detail: format!(
                "about {} deliveries of the tenant {:?} wait, and at most {most} may; repeat the request \
                 when some have ended",
                route.waiting,
                tenant.as_str()
            ),
            retry_after: WAITING_AGAIN,
        }))
    }

    /// Takes one event of what a key may publish.
    ///
    /// # Errors
    /// [`UseCaseError::Limit`] when it has used up its rate.
    pub fn count_publish(&self, key: &Key) -> Result<(), UseCaseError> {
        let usual = self.limits.publishes_per_key.filter(|_| !key.root);
        let Some(limit) = key.publish_rate.or(usual) else {
            return Ok(());
        };
        let now = self.ports.clock.now();
        let taken = self.key_paces.lock().take(key.id, &limit, now);
        taken.map_err(|wait| {
            UseCaseError::Limit(Exceeded {
                quota: Quota::Publishes,
                detail: format!(
                    "the key {:?} may publish {} events in a {}, {} of them at once; repeat the \
                     request later",
                    key.id.to_string(),
                    limit.requests,
                    match limit.per {
                        Per::Second => "second",
                        Per::Minute => "minute",
                    },
                    limit.burst
                ),
                retry_after: wait,
            })
        })
    }

    /// Counts from the store how much waits for each tenant with a quota for that, those after one first. Answers
    /// after which it stopped, having counted as much as one pass may; none when it came to the end.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn count_waiting(&self, after: Option<Scope>) -> Result<Option<Scope>, StoreError> {
        let usual = self.limits.waiting_per_tenant;
        let quotas = self.directory.waiting_quotas(usual, after.as_ref());
        let mut counted = 0_u64;
        let mut last = after;
        for some in quotas.chunks(TENANTS_AT_ONCE) {
            if counted >= MOST_IN_A_PASS {
                return Ok(last);
            }
            let counts = self.ports.deliveries.waiting_of(some).await?;
            counted += counts.iter().map(|count| 1 + read_for(*count)).sum::<u64>();
            let scopes = some.iter().map(|(scope, _)| scope);
            self.directory.set_waiting(scopes.zip(counts));
            last = some.last().map(|(scope, _)| scope.clone());
        }
        Ok(None)
    }
}

/// How many deliveries a store read to know so much.
fn read_for(count: Count) -> u64 {
    match count {
        Count::Exact(count) | Count::AtLeast(count) => count,
        Count::About(_) => MOST_COUNTED,
    }
}
