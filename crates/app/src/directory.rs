//! The configuration in memory: what the hot path reads instead of the store.
//!
//! Changes come in by [`Directory::apply`], from the feed of the configuration part; each replaces
//! only what it touches. Readers take a short read lock and leave with shared pointers, so a change
//! never waits for a delivery and a delivery keeps the form that it began with.
//!
//! Its size is that of the configuration: about 2 KiB for an endpoint. It has no bound of its own,
//! since the API bounds what can be made.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::event::Attributes;
use fanfare_domain::id::EndpointId;
use fanfare_domain::key::{Key, KeyDigest};
use fanfare_domain::name::{EnvironmentId, EventTypeName, Scope, TenantId};
use fanfare_domain::quota::TenantQuotas;
use parking_lot::RwLock;

use crate::format::Formats;
use crate::port::configuration::Revision;
use crate::port::deliveries::Count;

mod change;
mod known_type;
mod target;
mod tenant_pace;
mod type_policies;

pub use change::Touched;
pub use known_type::{KnownType, SchemaRefused};
pub use target::Target;
pub use tenant_pace::TenantPace;
use type_policies::TypePolicies;

/// The configuration in memory.
#[derive(Debug)]
pub struct Directory {
    formats: Formats,
    world: RwLock<World>,
}

#[derive(Debug, Default)]
struct World {
    revision: Revision,
    environments: HashMap<EnvironmentId, Inhabitants>,
    targets: HashMap<EndpointId, Arc<Target>>,
    keys: HashMap<KeyDigest, Arc<Key>>,
    /// A key's removal names its id only.
    key_digests: HashMap<String, KeyDigest>,
}

#[derive(Debug, Default)]
struct Inhabitants {
    types: HashMap<EventTypeName, Arc<KnownType>>,
    type_policies: Arc<TypePolicies>,
    tenants: HashMap<TenantId, Resident>,
    /// Tenants by the id that a dialect's clients know them by.
    by_external: HashMap<String, TenantId>,
    /// Those of the tenants that are operational; nearly always none or one.
    operational: Vec<TenantId>,
}

/// A tenant as publishing needs it.
#[derive(Debug, Default)]
struct Resident {
    /// Its endpoints, oldest first.
    endpoints: Arc<Vec<Arc<Target>>>,
    quotas: TenantQuotas,
    /// The id that a dialect's clients know it by.
    external: Option<String>,
    /// How many of its deliveries have not ended, about.
    waiting: Arc<AtomicI64>,
    /// How far the rate of all its endpoints together is used up.
    pace: Arc<TenantPace>,
}

impl Inhabitants {
    /// A tenant is not known by this id any more; one that has got it since is.
    fn forget_external(&mut self, external: Option<String>, tenant: &str) {
        if let Some(external) = external
            && let Some(known) = self.by_external.get(&external)
            && known.as_str() == tenant
        {
            self.by_external.remove(&external);
        }
    }
}

/// What publishing needs to know, taken at one moment.
#[derive(Debug, Clone)]
pub struct Route {
    /// The tenant's endpoints, oldest first; none when there is no such tenant.
    pub endpoints: Option<Arc<Vec<Arc<Target>>>>,
    /// The tenant's own quotas.
    pub quotas: TenantQuotas,
    /// How many of the tenant's deliveries have not ended, about.
    pub waiting: u64,
    /// The event's type; none when the catalogue has no such.
    pub event_type: Option<Arc<KnownType>>,
}

impl World {
    fn resident(&self, scope: &Scope) -> Option<&Resident> {
        let all = self.environments.get(&scope.environment)?;
        all.tenants.get(&scope.tenant)
    }
}

impl Directory {
    /// An empty one.
    #[must_use]
    pub fn new(formats: Formats) -> Self {
        Self {
            formats,
            world: RwLock::default(),
        }
    }

    /// The highest change that it knows.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.world.read().revision
    }

    /// Looks up what publishing an event of this type for this tenant needs.
    #[must_use]
    pub fn route(&self, scope: &Scope, event_type: &str) -> Route {
        let world = self.world.read();
        let inhabitants = world.environments.get(&scope.environment);
        let resident = inhabitants.and_then(|all| all.tenants.get(&scope.tenant));
        let waiting = resident.map_or(0, |resident| resident.waiting.load(Ordering::Relaxed));
        Route {
            endpoints: resident.map(|resident| Arc::clone(&resident.endpoints)),
            quotas: resident.map(|resident| resident.quotas).unwrap_or_default(),
            waiting: u64::try_from(waiting).unwrap_or(0),
            event_type: inhabitants
                .and_then(|all| all.types.get(event_type))
                .cloned(),
        }
    }

    /// Whether there is such an environment.
    #[must_use]
    pub fn has_environment(&self, environment: &EnvironmentId) -> bool {
        self.world.read().environments.contains_key(environment)
    }

    /// Whether there is such a tenant.
    #[must_use]
    pub fn has_tenant(&self, scope: &Scope) -> bool {
        let world = self.world.read();
        world
            .environments
            .get(&scope.environment)
            .is_some_and(|all| all.tenants.contains_key(&scope.tenant))
    }

    /// The tenant that a dialect's clients know by this id.
    #[must_use]
    pub fn tenant_by_external(&self, environment: &EnvironmentId, id: &str) -> Option<TenantId> {
        let world = self.world.read();
        let all = world.environments.get(environment)?;
        all.by_external.get(id).cloned()
    }

    /// The id by which a dialect's clients know a tenant.
    #[must_use]
    pub fn external_of(&self, scope: &Scope) -> Option<String> {
        self.world.read().resident(scope)?.external.clone()
    }

    /// An event type of an environment.
    #[must_use]
    pub fn event_type(&self, environment: &EnvironmentId, name: &str) -> Option<Arc<KnownType>> {
        let world = self.world.read();
        world
            .environments
            .get(environment)?
            .types
            .get(name)
            .cloned()
    }

    /// Whether what happens to this tenant's endpoints is told to an operational tenant: one is there,
    /// and it is not this one.
    #[must_use]
    pub fn tells_of(&self, scope: &Scope) -> bool {
        let world = self.world.read();
        world
            .environments
            .get(&scope.environment)
            .is_some_and(|all| {
                !all.operational.is_empty() && !all.operational.contains(&scope.tenant)
            })
    }

    /// The operational tenants of an environment.
    #[must_use]
    pub fn operational_tenants(&self, environment: &EnvironmentId) -> Vec<TenantId> {
        let world = self.world.read();
        world
            .environments
            .get(environment)
            .map(|all| all.operational.clone())
            .unwrap_or_default()
    }

    /// The environments that have an operational tenant.
    #[must_use]
    pub fn operational_environments(&self) -> Vec<EnvironmentId> {
        let world = self.world.read();
        let told = |(id, all): (&EnvironmentId, &Inhabitants)| {
            (!all.operational.is_empty()).then(|| id.clone())
        };
        world.environments.iter().filter_map(told).collect()
    }

    /// How many endpoints a tenant has, and its quotas.
    #[must_use]
    pub fn endpoint_count(&self, scope: &Scope) -> (usize, TenantQuotas) {
        let world = self.world.read();
        world
            .resident(scope)
            .map(|resident| (resident.endpoints.len(), resident.quotas))
            .unwrap_or_default()
    }

    /// Deliveries of these tenants have ended, one each.
    pub fn count_ended<'a>(&self, ended: impl IntoIterator<Item = &'a Scope>) {
        let world = self.world.read();
        for resident in ended.into_iter().filter_map(|scope| world.resident(scope)) {
            resident.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// So many deliveries of a tenant have not ended now. Where the store only knows that there are more, the
    /// count stands if it says so too.
    pub(crate) fn set_waiting<'a>(&self, counts: impl IntoIterator<Item = (&'a Scope, Count)>) {
        let world = self.world.read();
        for (scope, counted) in counts {
            let Some(resident) = world.resident(scope) else {
                continue;
            };
            let value = i64::try_from(counted.value()).unwrap_or(i64::MAX);
            match counted {
                Count::AtLeast(_) => resident.waiting.fetch_max(value, Ordering::Relaxed),
                Count::Exact(_) | Count::About(_) => {
                    resident.waiting.swap(value, Ordering::Relaxed)
                }
            };
        }
    }

    /// Tenants of which only so many deliveries may wait, after one of them, in order.
    pub(crate) fn waiting_quotas(
        &self,
        usual: Option<u64>,
        after: Option<&Scope>,
    ) -> Vec<(Scope, u64)> {
        let world = self.world.read();
        let mut quotas = Vec::new();
        for (environment, all) in &world.environments {
            for (tenant, resident) in &all.tenants {
                let Some(most) = resident.quotas.waiting_deliveries.or(usual) else {
                    continue;
                };
                let scope = Scope {
                    environment: environment.clone(),
                    tenant: tenant.clone(),
                };
                if after.is_none_or(|after| scope > *after) {
                    quotas.push((scope, most));
                }
            }
        }
        drop(world);
        quotas.sort_unstable();
        quotas
    }

    /// An endpoint as deliveries need it.
    #[must_use]
    pub fn target(&self, endpoint: EndpointId) -> Option<Arc<Target>> {
        self.world.read().targets.get(&endpoint).cloned()
    }

    /// Every endpoint, in no particular order.
    #[must_use]
    pub fn targets(&self) -> Vec<Arc<Target>> {
        self.world.read().targets.values().cloned().collect()
    }

    /// The key with this digest.
    #[must_use]
    pub fn key(&self, digest: &KeyDigest) -> Option<Arc<Key>> {
        self.world.read().keys.get(digest).cloned()
    }

    /// Whether there is an administrator's key in the store.
    #[must_use]
    pub fn has_administrator(&self) -> bool {
        self.world.read().keys.values().any(|key| key.root)
    }

    /// The formats that there are.
    #[must_use]
    pub fn formats(&self) -> &Formats {
        &self.formats
    }
}

impl Route {
    /// One of the tenant's endpoints, if it is enabled.
    #[must_use]
    pub fn enabled(&self, id: EndpointId) -> Option<&Arc<Target>> {
        let list = self.endpoints.as_ref()?;
        let place = list.binary_search_by_key(&id, |each| each.endpoint.id);
        place
            .ok()
            .map(|place| &list[place])
            .filter(|target| target.endpoint.enabled())
    }

    /// The enabled endpoints that ask for such an event.
    pub fn matching<'a>(
        &'a self,
        event_type: &'a str,
        subcategory: Option<&'a str>,
        attributes: &'a Attributes,
    ) -> impl Iterator<Item = &'a Arc<Target>> {
        let wants = move |endpoint: &Endpoint| {
            endpoint.enabled() && endpoint.wants(event_type, subcategory, attributes)
        };
        self.endpoints
            .iter()
            .flat_map(|list| list.iter())
            .filter(move |target| wants(&target.endpoint))
    }
}
