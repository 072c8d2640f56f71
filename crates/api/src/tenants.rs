//! Tenants: the customers of the product that publishes.

use std::collections::BTreeMap;

use fanfare_app::tenants::TenantDraft;
use fanfare_domain::environment::Tenant;
use fanfare_domain::quota::TenantQuotas;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::body::input;
use crate::endpoints::rate::RateLimitForm;
use crate::time::Time;

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod read;

/// What a tenant is made from.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TenantInput)]
pub(crate) struct TenantInput {
    /// Its name in paths, 1 to 128 characters of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`. One is made
    /// unless told. Can't be changed.
    #[schema(example = "acme", pattern = "^[A-Za-z0-9._-]{1,128}$")]
    id: Option<String>,
    /// What people call it, at most 1024 bytes.
    #[schema(
        required,
        nullable = false,
        min_length = 1,
        max_length = 1024,
        example = "Acme Inc."
    )]
    name: Option<String>,
    /// Notes of the caller: at most 50 names with a text each.
    #[schema(example = json!({"plan": "pro"}))]
    metadata: Option<BTreeMap<String, String>>,
    /// Whether it is the operator's own: its endpoints can subscribe to the operational events of the
    /// environment, such as `endpoint.disabled`, whose types come into the catalogue with it. They tell
    /// of all other tenants. At most one tenant of an environment; none unless told.
    operational: Option<bool>,
    /// Its own quotas; what is left out is as the operator set it for all.
    quotas: Option<QuotasForm>,
    /// The most requests that all its endpoints together get in a time; null or absent: as many as they
    /// bear. An endpoint may have its own beside it.
    rate_limit: Option<RateLimitForm>,
}

/// How much a tenant may take; what is absent is as the operator set it for all tenants.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TenantQuotas)]
pub(crate) struct QuotasForm {
    /// The most endpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 65534, example = 100)]
    endpoints: Option<u32>,
    /// The most deliveries that have not ended. Past it, publishing is refused until some have.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, example = 1_000_000)]
    waiting_deliveries: Option<u64>,
}

impl From<QuotasForm> for TenantQuotas {
    fn from(form: QuotasForm) -> Self {
        Self {
            endpoints: form.endpoints,
            waiting_deliveries: form.waiting_deliveries,
        }
    }
}

impl From<TenantQuotas> for QuotasForm {
    fn from(quotas: TenantQuotas) -> Self {
        Self {
            endpoints: quotas.endpoints,
            waiting_deliveries: quotas.waiting_deliveries,
        }
    }
}

input!(TenantInput);

impl From<TenantInput> for TenantDraft {
    fn from(given: TenantInput) -> Self {
        Self {
            id: given.id,
            name: given.name,
            metadata: given.metadata,
            operational: given.operational,
            quotas: given.quotas.map(Into::into),
            rate_limit: given.rate_limit.map(Into::into),
            unchanged_since: None,
        }
    }
}

impl From<&Tenant> for TenantInput {
    fn from(tenant: &Tenant) -> Self {
        Self {
            id: Some(tenant.id.to_string()),
            name: Some(tenant.name.clone()),
            metadata: Some(tenant.metadata.clone()),
            operational: Some(tenant.operational),
            quotas: Some(tenant.quotas.into()),
            rate_limit: tenant.rate_limit.map(Into::into),
        }
    }
}

/// A customer of the product that publishes; owns endpoints and events.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tenant)]
pub(crate) struct TenantView {
    /// Its name in paths.
    #[schema(example = "acme")]
    id: String,
    /// What people call it.
    #[schema(example = "Acme Inc.")]
    name: String,
    /// Notes of the caller.
    metadata: BTreeMap<String, String>,
    /// Whether it gets the operational events of the environment.
    operational: bool,
    /// Its own quotas.
    quotas: QuotasForm,
    /// The most requests that all its endpoints together get in a time; null: as many as they bear.
    #[schema(required)]
    rate_limit: Option<RateLimitForm>,
    /// When it was made.
    created_at: Time,
    /// When it was last changed.
    updated_at: Time,
}

impl From<Tenant> for TenantView {
    fn from(tenant: Tenant) -> Self {
        Self {
            id: tenant.id.to_string(),
            name: tenant.name,
            metadata: tenant.metadata,
            operational: tenant.operational,
            quotas: tenant.quotas.into(),
            rate_limit: tenant.rate_limit.map(Into::into),
            created_at: tenant.created_at.into(),
            updated_at: tenant.updated_at.into(),
        }
    }
}
