//! Endpoints and their secrets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fanfare_domain::batch::Batching;
use fanfare_domain::endpoint::{Disabled, DisabledReason, Endpoint, Failing};
use fanfare_domain::fault::Fault;
use fanfare_domain::id::EndpointId;
use fanfare_domain::name::Scope;
use fanfare_domain::order::{OnFailure, Ordering};
use fanfare_domain::policy::PolicyPatch;
use fanfare_domain::rate::Per;
use fanfare_domain::secret::{Secret, SecretKind};
use fanfare_domain::time::Timestamp;

use crate::error::{Faults, UseCaseError};
use crate::external::id_removal;
use crate::fanfare::Fanfare;
use crate::format::Format;
use crate::port::configuration::Revision;
use crate::port::dispatch::Health;
use crate::repository::{PageOf, Stored, parts, still};

mod check;

/// What an endpoint is made from, or replaced by.
#[derive(Clone, Debug, Default)]
pub struct EndpointDraft {
    /// Where deliveries go.
    pub url: Option<String>,
    /// The owner's note.
    pub description: Option<String>,
    /// What it takes; none: every type.
    pub event_types: Option<Vec<SubscriptionDraft>>,
    /// Narrows it to events with such attributes.
    pub attributes: Option<BTreeMap<String, Vec<String>>>,
    /// Narrows it to events that satisfy this expression.
    pub filter: Option<String>,
    /// Headers that each request carries.
    pub headers: Option<BTreeMap<String, String>>,
    /// The caller's own notes.
    pub metadata: Option<BTreeMap<String, String>>,
    /// How its policy differs from the preset.
    pub policy: Option<PolicyPatch>,
    /// In which order it gets its deliveries; in none unless told.
    pub ordering: Option<Ordering>,
    /// What becomes of an order when its first delivery fails; it goes on unless told.
    pub on_failure: Option<OnFailure>,
    /// The most requests that it takes in a time; none: as many as it bears.
    pub rate_limit: Option<RateLimitDraft>,
    /// How its events are put together; none: each goes by itself.
    pub batch: Option<Batching>,
    /// What kind of secret is made for it.
    pub signature: Option<SecretKind>,
    /// The first secret; one is made unless told. Only when it is created.
    pub secret: Option<String>,
    /// Whether it gets deliveries; it does unless told.
    pub enabled: Option<bool>,
    /// When what it replaces was last changed, where it was made from that: one that was changed since
    /// is left alone.
    pub unchanged_since: Option<Timestamp>,
}

/// An entry of an endpoint's event types, as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubscriptionDraft {
    /// `invoice.paid` or `invoice.*`.
    Text(String),
    /// A type with one of its subcategories.
    Subcategory {
        /// The type.
        event_type: String,
        /// The subcategory's value.
        subcategory: String,
    },
}

/// The most requests that an endpoint takes in a time, as it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimitDraft {
    /// So many requests.
    pub requests: u32,
    /// In this time.
    pub per: Per,
    /// How many of them may come at once; what is usual for the rate unless told.
    pub burst: Option<u32>,
}

/// How a secret is rotated.
#[derive(Clone, Debug, Default)]
pub struct RotationDraft {
    /// The new secret; one is made unless told.
    pub secret: Option<String>,
    /// How long the old ones go on signing.
    pub overlap: Option<Duration>,
}

/// The longest overlap of a rotation.
pub const MAX_OVERLAP: Duration = Duration::from_secs(30 * 24 * 3600);

impl Fanfare {
    /// Makes an endpoint, with a secret.
    ///
    /// # Errors
    /// When the draft is wrong, there is no such tenant, or it has too many endpoints.
    pub async fn create_endpoint(
        &self,
        scope: &Scope,
        draft: EndpointDraft,
        found: Vec<Fault>,
    ) -> Result<Endpoint, UseCaseError> {
        self.scope_exists(scope)?;
        let now = self.ports.clock.now();
        let mut faults = Faults::new(found);
        let given = self.check_endpoint(scope, &draft, &[], &mut faults);
        let kind = match &draft.secret {
            None => draft.signature.unwrap_or_default(),
            Some(text) => check_secret(text, draft.signature, "#/secret", &mut faults),
        };
        faults.refuse_if_any()?;
        let Some(given) = given else {
            return Err(UseCaseError::Invalid(Vec::new()));
        };
        self.endpoint_limit(scope)?;
        let text = draft
            .secret
            .unwrap_or_else(|| kind.generate(&self.secret_chance()));
        let endpoint = Endpoint {
            id: EndpointId::new(now, self.ports.random.bits()),
            scope: scope.clone(),
            dialect: None,
            external: None,
            url: given.url,
            description: given.description,
            event_types: given.event_types,
            attributes: given.attributes,
            filter: given.filter,
            headers: given.headers,
            metadata: given.metadata,
            policy: given.policy,
            ordering: given.ordering,
            on_failure: given.on_failure,
            rate_limit: given.rate_limit,
            batch: given.batch,
            signature: kind,
            secrets: vec![Secret {
                text,
                created_at: now,
                expires_at: None,
            }],
            disabled: (!given.enabled).then_some(Disabled {
                reason: DisabledReason::Manual,
                since: now,
            }),
            failing: None,
            created_at: now,
            updated_at: now,
        };
        self.insert(&endpoint).await?;
        Ok(endpoint)
    }

    /// One endpoint of a tenant.
    ///
    /// # Errors
    /// When the tenant has no such endpoint.
    pub async fn endpoint(&self, scope: &Scope, id: &str) -> Result<Endpoint, UseCaseError> {
        self.scope_exists(scope)?;
        let (environment, tenant) = parts(scope);
        Ok(self.fetch::<Endpoint>(environment, tenant, id).await?.noun)
    }

    /// How an endpoint has answered lately.
    #[must_use]
    pub fn endpoint_health(&self, id: EndpointId) -> Health {
        self.ports.dispatch.health(id)
    }

    /// Endpoints of a tenant, newest first.
    ///
    /// # Errors
    /// When there is no such tenant.
    pub async fn endpoints(
        &self,
        scope: &Scope,
        page: PageOf<Revision>,
    ) -> Result<Vec<Stored<Endpoint>>, UseCaseError> {
        self.scope_exists(scope)?;
        let (environment, tenant) = parts(scope);
        self.fetch_page(environment, Some(tenant), page).await
    }

    /// Replaces what an endpoint's owner says of it; its id, secrets and history stay.
    ///
    /// # Errors
    /// When the tenant has no such endpoint, or the draft is wrong.
    pub async fn replace_endpoint(
        &self,
        scope: &Scope,
        id: &str,
        draft: EndpointDraft,
        found: Vec<Fault>,
    ) -> Result<Endpoint, UseCaseError> {
        let before = self
            .endpoint(scope, id)
            .await?
            .event_types
            .unwrap_or_default();
        let now = self.ports.clock.now();
        let mut faults = Faults::new(found);
        if draft.secret.is_some() {
            faults.add(
                "#/secret",
                "can't be changed here; rotate the secret instead",
            );
        }
        let given = self.check_endpoint(scope, &draft, &before, &mut faults);
        faults.refuse_if_any()?;
        let Some(given) = given else {
            return Err(UseCaseError::Invalid(Vec::new()));
        };
        let change = |endpoint: &mut Endpoint| {
            still(draft.unchanged_since, endpoint.updated_at, "endpoint")?;
            let given = given.clone();
            if given.batch.is_some() {
                self.takes_batches(endpoint)?;
            }
            let before = endpoint.clone();
            endpoint.url = given.url;
            endpoint.description = given.description;
            endpoint.event_types = given.event_types;
            endpoint.attributes = given.attributes;
            endpoint.filter = given.filter;
            endpoint.headers = given.headers;
            endpoint.metadata = given.metadata;
            endpoint.policy = given.policy;
            endpoint.ordering = given.ordering;
            endpoint.on_failure = given.on_failure;
            endpoint.rate_limit = given.rate_limit;
            endpoint.batch = given.batch;
            endpoint.signature = draft.signature.unwrap_or_default();
            endpoint.disabled = match (given.enabled, endpoint.disabled.take()) {
                (true, _) => None,
                (false, Some(before)) => Some(before),
                (false, None) => Some(Disabled {
                    reason: DisabledReason::Manual,
                    since: now,
                }),
            };
            endpoint.forgive_since(&before);
            endpoint.updated_at = now;
            Ok(())
        };
        let (environment, tenant) = parts(scope);
        Ok(self.modify((environment, tenant, id), change).await?.noun)
    }

    /// Removes an endpoint. What waits for it is discarded; its log is kept for its time.
    ///
    /// # Errors
    /// When the tenant has no such endpoint.
    pub async fn delete_endpoint(&self, scope: &Scope, id: &str) -> Result<(), UseCaseError> {
        let endpoint = self.endpoint(scope, id).await?;
        let (environment, tenant) = parts(scope);
        self.remove::<Endpoint>((environment, tenant, id), id_removal(&endpoint))
            .await
    }

    /// Adds a secret that signs from now on, and lets the old ones sign for the overlap.
    ///
    /// # Errors
    /// When the tenant has no such endpoint, or the draft is wrong.
    pub async fn rotate_secret(
        &self,
        scope: &Scope,
        id: &str,
        draft: RotationDraft,
        found: Vec<Fault>,
    ) -> Result<Endpoint, UseCaseError> {
        self.scope_exists(scope)?;
        let now = self.ports.clock.now();
        let mut faults = Faults::new(found);
        let format = Arc::clone(self.format_of(scope, id).await?);
        if let Some(Err(cause)) = draft
            .secret
            .as_deref()
            .map(|text| format.check_secret(text))
        {
            faults.add("#/secret", cause);
        }
        let wanted = draft.overlap.unwrap_or(self.limits.rotation_overlap);
        let overlap = format.rotation_overlap().unwrap_or(wanted);
        if overlap > MAX_OVERLAP {
            faults.add("#/overlap", "must be at most 30d");
        }
        faults.refuse_if_any()?;
        let chance = self.secret_chance();
        let change = |endpoint: &mut Endpoint| {
            if draft
                .secret
                .as_ref()
                .is_some_and(|text| endpoint.secrets.iter().any(|each| each.text == *text))
            {
                let fault = Fault::at(
                    "secret",
                    "must be another one than those that the endpoint has",
                );
                return Err(UseCaseError::Invalid(vec![fault]));
            }
            let text = draft
                .secret
                .clone()
                .unwrap_or_else(|| format.new_secret(endpoint.signature, &chance));
            endpoint.rotate(
                Secret {
                    text,
                    created_at: now,
                    expires_at: None,
                },
                overlap,
                now,
            );
            endpoint.updated_at = now;
            Ok(())
        };
        let (environment, tenant) = parts(scope);
        Ok(self.modify((environment, tenant, id), change).await?.noun)
    }

    /// Whether an endpoint speaks a format that has batches.
    fn takes_batches(&self, endpoint: &Endpoint) -> Result<(), UseCaseError> {
        let dialect = endpoint.dialect.as_deref();
        if self.directory.formats().of(dialect).batches().is_some() {
            return Ok(());
        }
        let dialect = dialect.unwrap_or_default();
        Err(UseCaseError::Invalid(vec![Fault::at(
            "batch",
            format!(
                "must be null: the format of \"{dialect}\", which this endpoint speaks, has no batches"
            ),
        )]))
    }

    async fn format_of(&self, scope: &Scope, id: &str) -> Result<&Arc<dyn Format>, UseCaseError> {
        let endpoint = self.endpoint(scope, id).await?;
        Ok(self.directory.formats().of(endpoint.dialect.as_deref()))
    }

    /// Disables an endpoint on the engine's own account, unless it is disabled already or gone.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn disable_endpoint(
        &self,
        scope: &Scope,
        id: EndpointId,
        reason: DisabledReason,
    ) -> Result<(), UseCaseError> {
        let now = self.ports.clock.now();
        let change = |endpoint: &mut Endpoint| {
            if endpoint.disabled.is_none() {
                endpoint.disabled = Some(Disabled { reason, since: now });
                endpoint.failing = None;
                endpoint.updated_at = now;
            }
            Ok(())
        };
        let (environment, tenant) = parts(scope);
        match self
            .modify::<Endpoint>((environment, tenant, &id.to_string()), change)
            .await
        {
            Ok(_) | Err(UseCaseError::NotFound { .. }) => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// Keeps since when an endpoint fails, or that it does no more, unless it is disabled or gone. Its
    /// owner changed nothing, so it counts as unchanged.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn note_failing(
        &self,
        scope: &Scope,
        id: EndpointId,
        failing: Option<Failing>,
    ) -> Result<(), UseCaseError> {
        let change = |endpoint: &mut Endpoint| {
            endpoint.failing = failing.filter(|_| endpoint.enabled());
            Ok(())
        };
        let (environment, tenant) = parts(scope);
        match self
            .modify::<Endpoint>((environment, tenant, &id.to_string()), change)
            .await
        {
            Ok(_) | Err(UseCaseError::NotFound { .. }) => Ok(()),
            Err(other) => Err(other),
        }
    }
}

fn check_secret(
    text: &str,
    wanted: Option<SecretKind>,
    pointer: &str,
    faults: &mut Faults,
) -> SecretKind {
    match SecretKind::read(text) {
        Ok((kind, _)) => {
            if wanted.is_some_and(|wanted| wanted != kind) {
                faults.add(
                    pointer,
                    "must be of the kind that \"signature\" names: whsec_ for v1, whsk_ for v1a",
                );
            }
            kind
        }
        Err(cause) => {
            faults.add(pointer, cause);
            SecretKind::default()
        }
    }
}
