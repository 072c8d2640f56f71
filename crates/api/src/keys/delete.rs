//! Revoking a key.

use axum::extract::State;
use fanfare_domain::key::Right;
use http::StatusCode;

use crate::auth::Acting;
use crate::place::{At, KeyPath};
use crate::problem::Problem;
use crate::state::Api;

/// Revoke a key
///
/// It is refused from then on. The administrator's key can be revoked only with an administrator's key.
#[utoipa::path(
    delete, path = "/v1/keys/{key}", operation_id = "delete_key", tag = "Keys",
    params(KeyPath),
    responses((status = 204, description = "It is revoked.")),
)]
pub(crate) async fn delete_key(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<KeyPath>,
) -> Result<StatusCode, Problem> {
    let environment = caller.in_environment(Right::Administer)?;
    if api.fanfare.key_by_id(environment, &at.key).await?.root {
        caller.administrator()?;
    }
    api.fanfare.delete_key(environment, &at.key).await?;
    Ok(StatusCode::NO_CONTENT)
}
