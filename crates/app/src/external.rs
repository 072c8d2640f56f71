//! Endpoints under another API's ids.
//!
//! A dialect knows an endpoint by an id of its own form: made from the URL, a UUID, seventeen letters.
//! The ids stand in documents of their own, unique for the tenant, and change together with the
//! endpoint in one commit. What a body may say is the dialect's to check; what holds for every
//! endpoint (addresses, the number for a tenant) is checked here.

use fanfare_domain::endpoint::{Endpoint, External};
use fanfare_domain::id::EndpointId;
use fanfare_domain::name::Scope;
use fanfare_domain::secret::{SECRET_BYTES, Secret, SecretKind};
use fanfare_domain::target_url::{InvalidUrl, check_url};
use serde::{Deserialize, Serialize};

use crate::error::{Conflict, UseCaseError};
use crate::event_types::EventTypeDraft;
use crate::fanfare::Fanfare;
use crate::port::StoreError;
use crate::port::configuration::{Applied, Change, DocumentKey, Kind};
use crate::repository::{PageOf, Stored, TRIES, key_of, parts, write};

pub mod answers;
pub mod event_types;
mod send;
mod tenants;

pub(crate) use tenants::tenant_id_removal;

/// Which endpoint a dialect's id names.
#[derive(Serialize, Deserialize)]
struct ExternalId {
    endpoint: EndpointId,
}

fn external_key(scope: &Scope, dialect: &str, id: &str) -> DocumentKey {
    let (environment, tenant) = parts(scope);
    DocumentKey {
        kind: Kind::ExternalId,
        environment: environment.to_owned(),
        tenant: tenant.to_owned(),
        id: format!("{dialect}/endpoint/{id}"),
    }
}

fn taken(id: &str) -> UseCaseError {
    Conflict::Exists {
        what: "endpoint",
        id: id.to_owned(),
    }
    .into()
}

/// The id by which a dialect's clients know an endpoint.
fn external_id(endpoint: &Endpoint) -> &str {
    endpoint
        .external
        .as_ref()
        .map_or("", |external| external.id.as_str())
}

impl Fanfare {
    /// Checks a URL by what holds for every endpoint.
    ///
    /// # Errors
    /// When deliveries could not, or must not, be sent there.
    pub fn check_endpoint_url(&self, url: &str) -> Result<(), InvalidUrl> {
        check_url(url, &self.limits.addresses, self.limits.https_only).map(drop)
    }

    /// An enabled endpoint of a dialect, not stored yet: it takes every type, has no secret, and its
    /// times are now.
    #[must_use]
    pub fn external_endpoint(
        &self,
        scope: &Scope,
        dialect: &str,
        external: External,
        url: String,
    ) -> Endpoint {
        let now = self.ports.clock.now();
        Endpoint {
            id: EndpointId::new(now, self.ports.random.bits()),
            scope: scope.clone(),
            dialect: Some(dialect.to_owned()),
            external: Some(external),
            url,
            description: String::new(),
            event_types: None,
            attributes: Default::default(),
            filter: None,
            headers: Default::default(),
            metadata: Default::default(),
            policy: Default::default(),
            ordering: Default::default(),
            on_failure: Default::default(),
            rate_limit: None,
            batch: None,
            signature: SecretKind::Hmac,
            secrets: Vec::new(),
            disabled: None,
            failing: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// A secret that begins to sign now.
    #[must_use]
    pub fn secret_from_now(&self, text: String) -> Secret {
        Secret {
            text,
            created_at: self.ports.clock.now(),
            expires_at: None,
        }
    }

    /// Bytes that can't be guessed, for ids and secrets of a dialect's form.
    #[must_use]
    pub fn chance(&self) -> [u8; SECRET_BYTES] {
        self.secret_chance()
    }

    /// Stores an endpoint of a dialect.
    ///
    /// # Errors
    /// [`Conflict::Exists`] when its external id is taken, [`UseCaseError::Limit`] when the tenant has
    /// too many endpoints, and when there is no such tenant.
    pub async fn create_external(&self, endpoint: Endpoint) -> Result<Endpoint, UseCaseError> {
        self.scope_exists(&endpoint.scope)?;
        self.endpoint_limit(&endpoint.scope)?;
        let (dialect, id) = (
            endpoint.dialect.as_deref().unwrap_or_default(),
            external_id(&endpoint),
        );
        let name = id_document(&endpoint, dialect, id)?;
        let insert = Change::Insert(key_of(&endpoint), write(&endpoint)?);
        match self.ports.configuration.apply(vec![name, insert]).await? {
            Applied::Done(_) => {
                self.refresh().await?;
                Ok(endpoint)
            }
            Applied::Refused(_) => Err(taken(id)),
        }
    }

    /// An endpoint of a dialect.
    ///
    /// # Errors
    /// When the tenant has none of this id.
    pub async fn external(
        &self,
        scope: &Scope,
        dialect: &str,
        id: &str,
    ) -> Result<Stored<Endpoint>, UseCaseError> {
        self.scope_exists(scope)?;
        let unknown = || UseCaseError::not_found("endpoint", id);
        let document = self
            .ports
            .configuration
            .get(&external_key(scope, dialect, id))
            .await?
            .ok_or_else(unknown)?;
        let named: ExternalId = serde_json::from_str(&document.body).map_err(|cause| {
            StoreError::corrupt(format!("configuration, body of {}", document.key), cause)
        })?;
        let (environment, tenant) = parts(scope);
        match self
            .fetch(environment, tenant, &named.endpoint.to_string())
            .await
        {
            // Removed by another door a moment ago.
            Err(UseCaseError::NotFound { .. }) => Err(unknown()),
            other => other,
        }
    }

    /// All endpoints of a dialect that a tenant has, newest first. Bounded by what a tenant may have.
    ///
    /// # Errors
    /// When there is no such tenant.
    pub async fn externals(
        &self,
        scope: &Scope,
        dialect: &str,
    ) -> Result<Vec<Endpoint>, UseCaseError> {
        const STEP: usize = 250;
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let page = self
                .endpoints(
                    scope,
                    PageOf {
                        cursor,
                        limit: STEP,
                    },
                )
                .await?;
            cursor = page.last().map(|last| last.created);
            let full = page.len() == STEP;
            let of_dialect =
                |stored: &Stored<Endpoint>| stored.noun.dialect.as_deref() == Some(dialect);
            found.extend(
                page.into_iter()
                    .filter(of_dialect)
                    .map(|stored| stored.noun),
            );
            if !full {
                return Ok(found);
            }
        }
    }

    /// Changes an endpoint of a dialect; its external id too, if `change` gives it another.
    ///
    /// # Errors
    /// What `change` says; [`Conflict::Exists`] when the new id is taken; when there is no such endpoint.
    pub async fn change_external<E: From<UseCaseError>>(
        &self,
        scope: &Scope,
        dialect: &str,
        id: &str,
        mut change: impl FnMut(&mut Endpoint) -> Result<(), E> + Send,
    ) -> Result<Endpoint, E> {
        for _ in 0..TRIES {
            let stored = self.external(scope, dialect, id).await?;
            let mut endpoint = stored.noun;
            let before = endpoint.clone();
            change(&mut endpoint)?;
            endpoint.forgive_since(&before);
            endpoint.updated_at = self.ports.clock.now();
            let body = write(&endpoint).map_err(UseCaseError::from)?;
            let mut changes = vec![Change::Replace {
                key: key_of(&endpoint),
                expected: stored.revision,
                body,
            }];
            let new_id = external_id(&endpoint).to_owned();
            if new_id != id {
                changes.push(id_document(&endpoint, dialect, &new_id)?);
                changes.push(Change::Remove(external_key(scope, dialect, id)));
            }
            match self
                .ports
                .configuration
                .apply(changes)
                .await
                .map_err(UseCaseError::from)?
            {
                Applied::Done(_) => {
                    self.refresh().await.map_err(UseCaseError::from)?;
                    return Ok(endpoint);
                }
                Applied::Refused(1) => return Err(taken(&new_id).into()),
                Applied::Refused(_) => {}
            }
        }
        Err(UseCaseError::from(Conflict::Changed("endpoint")).into())
    }

    /// Removes an endpoint of a dialect, and its id.
    ///
    /// # Errors
    /// When the tenant has none of this id.
    pub async fn delete_external(
        &self,
        scope: &Scope,
        dialect: &str,
        id: &str,
    ) -> Result<Endpoint, UseCaseError> {
        let endpoint = self.external(scope, dialect, id).await?.noun;
        let (environment, tenant) = parts(scope);
        self.remove::<Endpoint>(
            (environment, tenant, &endpoint.id.to_string()),
            id_removal(&endpoint),
        )
        .await?;
        Ok(endpoint)
    }

    /// Makes the event types that a dialect needs, where they are missing.
    ///
    /// # Errors
    /// When the store fails, or a name can't be one.
    pub async fn ensure_event_types(
        &self,
        environment: &fanfare_domain::name::EnvironmentId,
        drafts: Vec<EventTypeDraft>,
    ) -> Result<(), UseCaseError> {
        for draft in drafts {
            match self.create_event_type(environment, draft, Vec::new()).await {
                Ok(_) | Err(UseCaseError::Conflict(Conflict::Exists { .. })) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }
}

fn id_document(endpoint: &Endpoint, dialect: &str, id: &str) -> Result<Change, UseCaseError> {
    let body = serde_json::to_string(&ExternalId {
        endpoint: endpoint.id,
    })
    .map_err(|cause| StoreError::corrupt("external id", cause))?;
    Ok(Change::Insert(
        external_key(&endpoint.scope, dialect, id),
        body,
    ))
}

/// What goes with an endpoint when it is removed, by whichever door.
pub(crate) fn id_removal(endpoint: &Endpoint) -> Vec<Change> {
    match (&endpoint.dialect, &endpoint.external) {
        (Some(dialect), Some(external)) => {
            vec![Change::Remove(external_key(
                &endpoint.scope,
                dialect,
                &external.id,
            ))]
        }
        _ => Vec::new(),
    }
}
