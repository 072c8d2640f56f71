//! Taking in changes of the configuration.

use std::sync::Arc;

use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::environment::{Environment, Tenant};
use fanfare_domain::event_type::EventType;
use fanfare_domain::id::EndpointId;
use fanfare_domain::key::Key;
use fanfare_domain::name::Scope;
use serde::de::DeserializeOwned;

use super::{Directory, KnownType, Target, World};
use crate::port::StoreError;
use crate::port::configuration::{Changed, Document, DocumentKey, Kind};

/// An endpoint that a change touched.
#[derive(Debug)]
pub struct Touched {
    /// The endpoint.
    pub id: EndpointId,
    /// What it was; none where it was not known.
    pub before: Option<Arc<Target>>,
    /// What it is; none where it is gone.
    pub after: Option<Arc<Target>>,
}

impl Directory {
    /// Takes in changes, in order; answers the endpoints that they touched.
    ///
    /// # Errors
    /// When a document can't be read; those before it were taken in.
    pub fn apply(&self, changes: &[Changed]) -> Result<Vec<Touched>, StoreError> {
        let mut touched = Vec::new();
        for change in changes {
            match change {
                Changed::Put(document) => self.put(document, &mut touched)?,
                Changed::Removed { key, .. } => self.remove(key, &mut touched),
            }
            let mut world = self.world.write();
            world.revision = world.revision.max(change.revision());
        }
        Ok(touched)
    }

    fn put(&self, document: &Document, touched: &mut Vec<Touched>) -> Result<(), StoreError> {
        match document.key.kind {
            Kind::Environment => {
                let environment: Environment = read(document)?;
                self.world
                    .write()
                    .environments
                    .entry(environment.id)
                    .or_default();
            }
            Kind::Tenant => {
                let tenant: Tenant = read(document)?;
                let mut world = self.world.write();
                let all = world.environments.entry(tenant.environment).or_default();
                all.operational.retain(|each| *each != tenant.id);
                if tenant.operational {
                    all.operational.push(tenant.id.clone());
                }
                let resident = all.tenants.entry(tenant.id.clone()).or_default();
                let external = tenant.external.map(|external| external.id);
                resident.quotas = tenant.quotas;
                resident.pace.set(tenant.rate_limit);
                let before = std::mem::replace(&mut resident.external, external.clone());
                all.forget_external(before, tenant.id.as_str());
                if let Some(external) = external {
                    all.by_external.insert(external, tenant.id);
                }
            }
            Kind::EventType => {
                let event_type: EventType = read(document)?;
                let (environment, name) = (event_type.environment.clone(), event_type.name.clone());
                // Compiled before the lock is taken.
                let known = KnownType::new(event_type.clone()).unwrap_or_else(|cause| {
                    tracing::error!(event_type = %name, error = %cause, "stored schema can't be compiled and is not applied");
                    KnownType::without_schema(event_type)
                });
                let mut world = self.world.write();
                let all = world.environments.entry(environment).or_default();
                all.type_policies.set(&name, &known.event_type.policy);
                all.types.insert(name, Arc::new(known));
            }
            Kind::Endpoint => {
                let endpoint: Endpoint = read(document)?;
                // Made ready before the lock is taken.
                let known = self.target(endpoint.id);
                let mut target = Target::after(known.as_deref(), endpoint, &self.formats);
                if let Some(cause) = target.filter.as_ref().and_then(|filter| filter.refused()) {
                    tracing::error!(
                        endpoint.id = %target.endpoint.id,
                        error = %cause,
                        "a stored filter can't be used; it matches nothing"
                    );
                }
                let mut world = self.world.write();
                let environment = target.endpoint.scope.environment.clone();
                let all = world.environments.entry(environment).or_default();
                target.type_policies = Arc::clone(&all.type_policies);
                let resident = all.tenants.entry(target.endpoint.scope.tenant.clone());
                let resident = resident.or_default();
                target.waiting = Arc::clone(&resident.waiting);
                target.tenant_pace = Arc::clone(&resident.pace);
                let target = Arc::new(target);
                let before = world.put_target(Arc::clone(&target));
                drop(world);
                touched.push(Touched {
                    id: target.endpoint.id,
                    before,
                    after: Some(target),
                });
            }
            Kind::Key => {
                let key: Key = read(document)?;
                let mut world = self.world.write();
                world
                    .key_digests
                    .insert(document.key.id.clone(), key.digest);
                world.keys.insert(key.digest, Arc::new(key));
            }
            Kind::ExternalId | Kind::Answer => {}
        }
        Ok(())
    }

    fn remove(&self, key: &DocumentKey, touched: &mut Vec<Touched>) {
        let mut world = self.world.write();
        match key.kind {
            Kind::Environment => {
                world.environments.remove(key.id.as_str());
            }
            Kind::Tenant => {
                if let Some(all) = world.environments.get_mut(key.environment.as_str()) {
                    let gone = all.tenants.remove(key.id.as_str());
                    all.forget_external(gone.and_then(|gone| gone.external), &key.id);
                    all.operational.retain(|each| each.as_str() != key.id);
                }
            }
            Kind::EventType => {
                if let Some(all) = world.environments.get_mut(key.environment.as_str()) {
                    all.types.remove(key.id.as_str());
                    all.type_policies.remove(&key.id);
                }
            }
            Kind::Endpoint => {
                if let Ok(id) = EndpointId::parse(&key.id) {
                    let before = world.remove_target(id);
                    touched.push(Touched {
                        id,
                        before,
                        after: None,
                    });
                }
            }
            Kind::Key => {
                if let Some(digest) = world.key_digests.remove(&key.id) {
                    world.keys.remove(&digest);
                }
            }
            Kind::ExternalId | Kind::Answer => {}
        }
    }
}

impl World {
    /// Answers the one that it takes the place of.
    fn put_target(&mut self, target: Arc<Target>) -> Option<Arc<Target>> {
        let scope = target.endpoint.scope.clone();
        let tenants = &mut self
            .environments
            .entry(scope.environment)
            .or_default()
            .tenants;
        let list = Arc::make_mut(&mut tenants.entry(scope.tenant).or_default().endpoints);
        match list.binary_search_by_key(&target.endpoint.id, |each| each.endpoint.id) {
            Ok(place) => list[place] = Arc::clone(&target),
            Err(place) => list.insert(place, Arc::clone(&target)),
        }
        self.targets.insert(target.endpoint.id, target)
    }

    fn remove_target(&mut self, id: EndpointId) -> Option<Arc<Target>> {
        let target = self.targets.remove(&id)?;
        let Scope {
            environment,
            tenant,
        } = &target.endpoint.scope;
        let tenants = self
            .environments
            .get_mut(environment)
            .map(|all| &mut all.tenants);
        if let Some(resident) = tenants.and_then(|tenants| tenants.get_mut(tenant)) {
            Arc::make_mut(&mut resident.endpoints).retain(|each| each.endpoint.id != id);
        }
        Some(target)
    }
}

fn read<T: DeserializeOwned>(document: &Document) -> Result<T, StoreError> {
    serde_json::from_str(&document.body).map_err(|cause| {
        StoreError::corrupt(format!("configuration, body of {}", document.key), cause)
    })
}
