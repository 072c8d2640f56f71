//! Environments and tenants.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::endpoint::External;
use crate::name::{EnvironmentId, TenantId};
use crate::quota::TenantQuotas;
use crate::rate::RateLimit;
use crate::time::Timestamp;

/// A world of its own: production, staging, another product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Its name, the first part of every stored key.
    pub id: EnvironmentId,
    /// What people call it.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A customer of the product that publishes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tenant {
    /// The environment that it belongs to.
    pub environment: EnvironmentId,
    /// Its name in the environment; the caller may choose it.
    pub id: TenantId,
    /// What people call it.
    pub name: String,
    /// The caller's own notes.
    pub metadata: BTreeMap<String, String>,
    /// Whether it is the operator's own, and gets the operational events of its environment.
    #[serde(default)]
    pub operational: bool,
    /// Its own quotas.
    #[serde(default)]
    pub quotas: TenantQuotas,
    /// The most requests that all its endpoints together take in a time; none: as many as they bear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// What a dialect keeps of it besides the rest, with another id for it; none for native ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<External>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
