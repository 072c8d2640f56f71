//! Quotas: how much a tenant or a key may take of what all share.

use serde::{Deserialize, Serialize};

/// A tenant's own quotas; what is absent is as the operator set it for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TenantQuotas {
    /// The most endpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<u32>,
    /// The most deliveries that have not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_deliveries: Option<u64>,
}

/// What a quota is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    /// Endpoints of a tenant.
    Endpoints,
    /// Deliveries of a tenant that have not ended.
    WaitingDeliveries,
    /// Events that a key publishes in a time.
    Publishes,
    /// Jobs of a tenant, or of the server, that are open.
    Jobs,
}

impl Quota {
    /// Its name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Endpoints => "endpoints",
            Self::WaitingDeliveries => "waiting_deliveries",
            Self::Publishes => "publishes",
            Self::Jobs => "jobs",
        }
    }
}
