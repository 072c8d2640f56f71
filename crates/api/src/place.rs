//! What a path names.

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use crate::problem::{Kind, Problem};
use crate::state::Api;

/// The names in a path. What can't be read there names nothing: 404.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Api> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        match Path::<T>::from_request_parts(parts, api).await {
            Ok(Path(names)) => Ok(Self(names)),
            Err(_) => Err(Problem::new(
                Kind::NotFound,
                "the path names nothing: it holds bytes that are no text",
            )),
        }
    }
}

/// An environment.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct EnvironmentPath {
    /// The environment's id.
    #[param(example = "staging")]
    pub(crate) environment: String,
}

/// A key.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct KeyPath {
    /// The key's id; not the key itself.
    #[param(example = "key_01m5d3xq9sabcdefghjkmnpqrs")]
    pub(crate) key: String,
}

/// A tenant.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct TenantPath {
    /// The tenant's id.
    #[param(example = "acme")]
    pub(crate) tenant: String,
}

/// An event type.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct EventTypePath {
    /// The event type's name.
    #[param(example = "invoice.paid")]
    pub(crate) name: String,
}

/// An endpoint of a tenant.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct EndpointPath {
    /// The tenant's id.
    #[param(example = "acme")]
    pub(crate) tenant: String,
    /// The endpoint's id.
    #[param(example = "ep_01m5d3xq9sabcdefghjkmnpqrs")]
    pub(crate) endpoint: String,
}

/// An event of a tenant.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct EventPath {
    /// The tenant's id.
    #[param(example = "acme")]
    pub(crate) tenant: String,
    /// The event's id: the generated one, or the one that the publisher chose.
    #[param(example = "evt_01m5d3xq9sabcdefghjkmnpqrs")]
    pub(crate) event: String,
}

/// A delivery of a tenant.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct DeliveryPath {
    /// The tenant's id.
    #[param(example = "acme")]
    pub(crate) tenant: String,
    /// The delivery's id.
    #[param(example = "dlv_01m5d3xq9sabcdefghjkmnpqrs")]
    pub(crate) delivery: String,
}

/// A job of an environment.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct JobPath {
    /// The job's id.
    #[param(example = "job_01m5d3xq9sabcdefghjkmnpqrs")]
    pub(crate) job: String,
}

/// A job of a tenant.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct TenantJobPath {
    /// The tenant's id.
    #[param(example = "acme")]
    pub(crate) tenant: String,
    /// The job's id.
    #[param(example = "job_01m5d3xq9sabcdefghjkmnpqrs")]
    pub(crate) job: String,
}
