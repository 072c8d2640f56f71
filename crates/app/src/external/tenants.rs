//! Tenants under another API's ids. What a body may say is the dialect's to check.

use fanfare_domain::environment::Tenant;
use fanfare_domain::name::{EnvironmentId, TenantId};
use serde::{Deserialize, Serialize};

use crate::error::{Conflict, UseCaseError};
use crate::fanfare::Fanfare;
use crate::port::StoreError;
use crate::port::configuration::{Applied, Change, DocumentKey, IdQuery, Kind};
use crate::repository::{Noun, Stored, TRIES, key_of, read, write};

/// Which tenant a dialect's id names.
#[derive(Serialize, Deserialize)]
struct ExternalTenant {
    tenant: TenantId,
}

/// Under this name a tenant's further data has the dialect that its id belongs to.
const DIALECT: &str = "dialect";

fn document(environment: &EnvironmentId, dialect: &str, id: &str) -> DocumentKey {
    DocumentKey {
        kind: Kind::ExternalId,
        environment: environment.to_string(),
        tenant: String::new(),
        id: format!("{dialect}/tenant/{id}"),
    }
}

fn taken(tenant: &Tenant) -> UseCaseError {
    let external = tenant.external.as_ref();
    let id = external.map_or(tenant.id.as_str(), |external| external.id.as_str());
    Conflict::Exists {
        what: "tenant",
        id: id.to_owned(),
    }
    .into()
}

/// Where a tenant's external id stands.
fn naming_of(tenant: &Tenant) -> Option<DocumentKey> {
    let external = tenant.external.as_ref()?;
    let dialect = external.data.get(DIALECT)?.as_str()?;
    Some(document(&tenant.environment, dialect, &external.id))
}

fn naming(tenant: &Tenant, place: DocumentKey) -> Result<Change, UseCaseError> {
    let named = ExternalTenant {
        tenant: tenant.id.clone(),
    };
    let body = serde_json::to_string(&named);
    let body = body.map_err(|cause| StoreError::corrupt("external id", cause))?;
    Ok(Change::Insert(place, body))
}

fn mark(tenant: &mut Tenant, dialect: &str) {
    if let Some(external) = &mut tenant.external {
        external.data.insert(DIALECT.to_owned(), dialect.into());
    }
}

/// What goes with a tenant when it is removed, by whichever door.
pub(crate) fn tenant_id_removal(tenant: &Tenant) -> Option<Change> {
    naming_of(tenant).map(Change::Remove)
}

impl Fanfare {
    /// Stores a tenant, with the dialect's id for it if it has one.
    ///
    /// # Errors
    /// [`Conflict::Exists`] when that, or the tenant's own id, is taken.
    pub async fn create_external_tenant(
        &self,
        dialect: &str,
        mut tenant: Tenant,
    ) -> Result<Tenant, UseCaseError> {
        mark(&mut tenant, dialect);
        let mut changes = Vec::new();
        if let Some(place) = naming_of(&tenant) {
            changes.push(naming(&tenant, place)?);
        }
        changes.push(Change::Insert(key_of(&tenant), write(&tenant)?));
        match self.ports.configuration.apply(changes).await? {
            Applied::Done(_) => {
                self.refresh().await?;
                Ok(tenant)
            }
            Applied::Refused(_) => Err(taken(&tenant)),
        }
    }

    /// A tenant by a dialect's id for it.
    ///
    /// # Errors
    /// When there is none.
    pub async fn external_tenant(
        &self,
        environment: &EnvironmentId,
        dialect: &str,
        id: &str,
    ) -> Result<Tenant, UseCaseError> {
        let place = document(environment, dialect, id);
        let named = self.ports.configuration.get(&place).await?;
        let named = named.ok_or_else(|| UseCaseError::not_found("tenant", id))?;
        let named: ExternalTenant = serde_json::from_str(&named.body).map_err(|cause| {
            StoreError::corrupt(format!("configuration, body of {}", named.key), cause)
        })?;
        self.tenant(environment, named.tenant.as_str()).await
    }

    /// Changes a tenant, and the dialect's id for it.
    ///
    /// # Errors
    /// What `change` says; [`Conflict::Exists`] when the new id is taken; when there is no such tenant.
    pub async fn change_external_tenant<E: From<UseCaseError>>(
        &self,
        environment: &EnvironmentId,
        dialect: &str,
        id: &TenantId,
        mut change: impl FnMut(&mut Tenant) -> Result<(), E> + Send,
    ) -> Result<Tenant, E> {
        for _ in 0..TRIES {
            let stored: Stored<Tenant> = self.fetch(environment.as_str(), "", id.as_str()).await?;
            let mut tenant = stored.noun;
            let before = naming_of(&tenant);
            change(&mut tenant)?;
            mark(&mut tenant, dialect);
            tenant.updated_at = self.ports.clock.now();
            let mut changes = vec![Change::Replace {
                key: key_of(&tenant),
                expected: stored.revision,
                body: write(&tenant).map_err(UseCaseError::from)?,
            }];
            let after = naming_of(&tenant);
            let renamed = before != after;
            if renamed {
                // First the new one, so that its place among the changes is known.
                if let Some(place) = after.clone() {
                    changes.push(naming(&tenant, place)?);
                }
                changes.extend(before.map(Change::Remove));
            }
            let applied = self.ports.configuration.apply(changes).await;
            match applied.map_err(UseCaseError::from)? {
                Applied::Done(_) => {
                    self.refresh().await.map_err(UseCaseError::from)?;
                    return Ok(tenant);
                }
                Applied::Refused(1) if renamed && after.is_some() => {
                    return Err(taken(&tenant).into());
                }
                Applied::Refused(_) => {}
            }
        }
        Err(UseCaseError::from(Conflict::Changed("tenant")).into())
    }

    /// Tenants in the order of their ids, after one.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn tenants_by_id(
        &self,
        environment: &EnvironmentId,
        after: Option<&str>,
        descending: bool,
        limit: usize,
    ) -> Result<Vec<Tenant>, UseCaseError> {
        self.fetch_by_id(environment, after, descending, limit)
            .await
    }

    /// Nouns of an environment in the order of their ids.
    pub(super) async fn fetch_by_id<T: Noun>(
        &self,
        environment: &EnvironmentId,
        after: Option<&str>,
        descending: bool,
        limit: usize,
    ) -> Result<Vec<T>, UseCaseError> {
        let query = IdQuery {
            kind: T::KIND,
            environment: environment.to_string(),
            tenant: String::new(),
            after: after.map(str::to_owned),
            descending,
            limit,
        };
        let documents = self.ports.configuration.list_by_id(&query).await?;
        let read = |document| Ok(read::<T>(document)?.noun);
        documents.iter().map(read).collect()
    }
}
