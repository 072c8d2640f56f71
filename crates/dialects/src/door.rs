//! Who comes in: the same for all dialects, though each says it in its own words.

use std::sync::Arc;
use std::time::Duration;

use fanfare_app::caller::Caller;
use fanfare_app::event_types::EventTypeDraft;
use fanfare_app::{Fanfare, UseCaseError};
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::key::Right;
use fanfare_domain::name::{EnvironmentId, Scope, TenantId};
use http::HeaderMap;
use tokio::sync::OnceCell;

use crate::limiter::Limiter;

/// The header by which a key that is bound to no tenant names the one that it acts for.
const TENANT_HEADER: &str = "fanfare-tenant";

/// What a dialect's handlers are given.
#[derive(Clone, Debug)]
pub struct Door {
    /// The use cases.
    pub fanfare: Arc<Fanfare>,
    environment: EnvironmentId,
    limiter: Option<Arc<Limiter>>,
    body_bytes: usize,
    catalogue: Arc<Catalogue>,
}

/// The event types of a dialect, made when its first endpoint is: an environment that nobody uses it
/// in keeps its catalogue clean.
#[derive(Debug, Default)]
struct Catalogue {
    types: Vec<EventTypeDraft>,
    made: OnceCell<()>,
}

/// Why a caller is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// There is no key, or not one that counts here: 401.
    Unknown,
    /// The key may not manage, or names no tenant: 403.
    Forbidden,
    /// It has called too often: 429.
    TooMany {
        /// How long until it may call again.
        retry_after: Duration,
    },
}

impl Door {
    /// To one environment. `rate`: how many calls a key has in a minute; none: any number.
    #[must_use]
    pub fn new(
        fanfare: Arc<Fanfare>,
        environment: EnvironmentId,
        rate: Option<u32>,
        body_bytes: usize,
    ) -> Self {
        let limiter = rate.map(|rate| Arc::new(Limiter::per_minute(rate)));
        Self {
            fanfare,
            environment,
            limiter,
            body_bytes,
            catalogue: Arc::default(),
        }
    }

    /// With the event types that its environment must have.
    #[must_use]
    pub fn with_catalogue(mut self, types: Vec<EventTypeDraft>) -> Self {
        self.catalogue = Arc::new(Catalogue {
            types,
            made: OnceCell::new(),
        });
        self
    }

    /// Stores an endpoint, and sees to it that the dialect's event types can be published.
    ///
    /// # Errors
    /// As [`Fanfare::create_external`].
    pub async fn create(&self, endpoint: Endpoint) -> Result<Endpoint, UseCaseError> {
        let Catalogue { types, made } = &*self.catalogue;
        made.get_or_try_init(|| {
            self.fanfare
                .ensure_event_types(&self.environment, types.clone())
        })
        .await?;
        self.fanfare.create_external(endpoint).await
    }

    /// The environment that the dialect is bound to.
    #[must_use]
    pub fn environment(&self) -> &EnvironmentId {
        &self.environment
    }

    /// The most bytes of a body.
    #[must_use]
    pub fn body_bytes(&self) -> usize {
        self.body_bytes
    }

    /// Lets a caller in, as the tenant that it acts for.
    ///
    /// Every operation needs a key that may manage. A key bound to no tenant names it in the header
    /// `Fanfare-Tenant`. Calls are counted for each key, and apart for each `operation` where the
    /// dialect says so by giving different ones.
    ///
    /// # Errors
    /// Why not, in the order of checks 401, 403, 429.
    pub fn enter(
        &self,
        key: Option<&str>,
        headers: &HeaderMap,
        operation: &'static str,
    ) -> Result<Scope, Denied> {
        let key = key
            .and_then(|text| self.fanfare.key(text))
            .ok_or(Denied::Unknown)?;
        // A key of another environment is none here.
        let caller = Caller::of(&key)
            .acting_in(self.environment.clone())
            .map_err(|_| Denied::Unknown)?;
        let named = headers
            .get(TENANT_HEADER)
            .and_then(|value| value.to_str().ok());
        let tenant = match (&caller.tenant, named) {
            (Some(own), None) => own.clone(),
            (_, Some(named)) => TenantId::parse(named).map_err(|_| Denied::Forbidden)?,
            (None, None) => return Err(Denied::Forbidden),
        };
        caller
            .may_for(Right::Manage, tenant.as_str())
            .map_err(|_| Denied::Forbidden)?;
        let scope = Scope {
            environment: caller.environment,
            tenant,
        };
        if !self.fanfare.directory().has_tenant(&scope) {
            return Err(Denied::Forbidden);
        }
        if let Some(limiter) = &self.limiter {
            let now = self.fanfare.ports().clock.now();
            limiter
                .take(key.id, operation, now)
                .map_err(|retry_after| Denied::TooMany { retry_after })?;
        }
        Ok(scope)
    }
}
