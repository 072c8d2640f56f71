//! Tenants.

use std::collections::BTreeMap;

use fanfare_domain::environment::Tenant;
use fanfare_domain::fault::Fault;
use fanfare_domain::id::KeyId;
use fanfare_domain::name::{EnvironmentId, TenantId};
use fanfare_domain::quota::TenantQuotas;
use fanfare_domain::rate::RateLimit;
use fanfare_domain::time::Timestamp;

use crate::endpoints::RateLimitDraft;
use crate::environments::check_text;
use crate::error::{Conflict, Faults, UseCaseError};
use crate::fanfare::Fanfare;
use crate::port::configuration::{Change, Revision};
use crate::repository::{PageOf, Stored, in_environment, still};

/// The most entries of metadata.
pub const MAX_METADATA: usize = 50;

/// What a tenant is made from.
#[derive(Clone, Debug, Default)]
pub struct TenantDraft {
    /// Its name in paths; made unless told.
    pub id: Option<String>,
    /// What people call it.
    pub name: Option<String>,
    /// The caller's own notes.
    pub metadata: Option<BTreeMap<String, String>>,
    /// Whether it gets the operational events of its environment; it does not unless told.
    pub operational: Option<bool>,
    /// Its own quotas.
    pub quotas: Option<TenantQuotas>,
    /// The most requests that all its endpoints together take in a time; none: as many as they bear.
    pub rate_limit: Option<RateLimitDraft>,
    /// When what it replaces was last changed, where it was made from that: one that was changed since
    /// is left alone.
    pub unchanged_since: Option<Timestamp>,
}

pub(crate) fn check_metadata(faults: &mut Faults, metadata: &BTreeMap<String, String>) {
    if metadata.len() > MAX_METADATA {
        faults.add(
            "#/metadata",
            format!("must have at most {MAX_METADATA} entries"),
        );
    }
    let long = |text: &String| text.len() > crate::environments::MAX_TEXT;
    if metadata
        .iter()
        .any(|(name, value)| long(name) || long(value))
    {
        faults.add(
            "#/metadata",
            "must hold only names and values of at most 1024 bytes",
        );
    }
}

fn check(draft: &TenantDraft, faults: &mut Faults) -> Option<RateLimit> {
    match &draft.name {
        None => faults.add("#/name", "is required"),
        Some(name) if name.trim().is_empty() => faults.add("#/name", "must not be empty"),
        Some(name) => check_text(faults, "#/name", name),
    }
    if let Some(quotas) = &draft.quotas {
        faults.extend(crate::quotas::faults(quotas));
    }
    if let Some(metadata) = &draft.metadata {
        check_metadata(faults, metadata);
    }
    draft.rate_limit.map(|given| given.check(faults))
}

impl Fanfare {
    /// Makes a tenant.
    ///
    /// # Errors
    /// When the draft is wrong or the id taken.
    pub async fn create_tenant(
        &self,
        environment: &EnvironmentId,
        draft: TenantDraft,
        found: Vec<Fault>,
    ) -> Result<Tenant, UseCaseError> {
        let mut faults = Faults::new(found);
        let rate_limit = check(&draft, &mut faults);
        let now = self.ports.clock.now();
        // Of the same shape as a key's id, under its own prefix.
        let made = || {
            KeyId::new(now, self.ports.random.bits())
                .to_string()
                .replacen("key_", "ten_", 1)
        };
        let id = TenantId::parse(&draft.id.unwrap_or_else(made));
        if let Err(cause) = &id {
            faults.add("#/id", cause);
        }
        faults.refuse_if_any()?;
        let Ok(id) = id else {
            return Err(UseCaseError::Invalid(Vec::new()));
        };
        let operational = draft.operational.unwrap_or_default();
        if operational {
            self.make_room_for_operational(environment, &id).await?;
        }
        let tenant = Tenant {
            environment: environment.clone(),
            id,
            name: draft.name.unwrap_or_default(),
            metadata: draft.metadata.unwrap_or_default(),
            operational,
            quotas: draft.quotas.unwrap_or_default(),
            rate_limit,
            external: None,
            created_at: now,
            updated_at: now,
        };
        self.insert(&tenant).await?;
        Ok(tenant)
    }

    /// Refuses a second operational tenant, and makes the types of its events where they are missing.
    async fn make_room_for_operational(
        &self,
        environment: &EnvironmentId,
        id: &TenantId,
    ) -> Result<(), UseCaseError> {
        let there = self.directory.operational_tenants(environment);
        if let Some(other) = there.iter().find(|other| *other != id) {
            return Err(Conflict::State(format!(
                "the tenant {:?} is the operational one of this environment; change that one first",
                other.as_str()
            ))
            .into());
        }
        self.ensure_operational_types(environment).await
    }

    /// One tenant.
    ///
    /// # Errors
    /// When there is none.
    pub async fn tenant(
        &self,
        environment: &EnvironmentId,
        id: &str,
    ) -> Result<Tenant, UseCaseError> {
        Ok(self
            .fetch::<Tenant>(environment.as_str(), "", id)
            .await?
            .noun)
    }

    /// Tenants, newest first.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn tenants(
        &self,
        environment: &EnvironmentId,
        page: PageOf<Revision>,
    ) -> Result<Vec<Stored<Tenant>>, UseCaseError> {
        self.fetch_page(environment.as_str(), Some(""), page).await
    }

    /// Gives a tenant a new name and metadata; its id stays.
    ///
    /// # Errors
    /// When there is none, or the draft is wrong.
    pub async fn replace_tenant(
        &self,
        environment: &EnvironmentId,
        id: &str,
        draft: TenantDraft,
        found: Vec<Fault>,
    ) -> Result<Tenant, UseCaseError> {
        let mut faults = Faults::new(found);
        let rate_limit = check(&draft, &mut faults);
        if draft.id.as_deref().is_some_and(|given| given != id) {
            faults.add("#/id", "can't be changed");
        }
        faults.refuse_if_any()?;
        let operational = draft.operational.unwrap_or_default();
        if operational && let Ok(id) = TenantId::parse(id) {
            self.make_room_for_operational(environment, &id).await?;
        }
        let now = self.ports.clock.now();
        let change = |tenant: &mut Tenant| {
            still(draft.unchanged_since, tenant.updated_at, "tenant")?;
            tenant.name = draft.name.clone().unwrap_or_default();
            tenant.metadata = draft.metadata.clone().unwrap_or_default();
            tenant.operational = operational;
            tenant.quotas = draft.quotas.unwrap_or_default();
            tenant.rate_limit = rate_limit;
            tenant.updated_at = now;
            Ok(())
        };
        Ok(self
            .modify(in_environment(environment, id), change)
            .await?
            .noun)
    }

    /// Removes a tenant with its endpoints. What waits for them is discarded; its events and their
    /// log are kept for their time, and only a new tenant of the same id would see them.
    ///
    /// # Errors
    /// When there is none.
    pub async fn delete_tenant(
        &self,
        environment: &EnvironmentId,
        id: &str,
    ) -> Result<(), UseCaseError> {
        let tenant = self.tenant(environment, id).await?;
        let mut others = vec![Change::RemoveOfTenant {
            environment: environment.to_string(),
            tenant: id.to_owned(),
        }];
        others.extend(crate::external::tenant_id_removal(&tenant));
        self.remove::<Tenant>(in_environment(environment, id), others)
            .await
    }
}
