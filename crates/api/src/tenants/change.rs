//! Changing and removing tenants.

use axum::Json;
use axum::extract::State;
use fanfare_app::tenants::TenantDraft;
use fanfare_domain::key::Right;
use http::StatusCode;

use super::{TenantInput, TenantView};
use crate::auth::Acting;
use crate::body::Incoming;
use crate::merge::until_unchanged;
use crate::place::{At, TenantPath};
use crate::problem::{Problem, ProblemView};
use crate::state::Api;

/// Replace a tenant
///
/// Gives it a new name and new metadata; what is left out becomes empty. Its id stays.
#[utoipa::path(
    put, path = "/v1/tenants/{tenant}", operation_id = "replace_tenant", tag = "Tenants",
    params(TenantPath),
    request_body = TenantInput,
    responses(
        (status = 200, description = "The tenant as it is now.", body = TenantView),
        (status = 409, description = "Others changed it at the same time, again and again, or the environment has \
            another operational tenant.",
            body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn replace_tenant(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<TenantPath>,
    body: Incoming,
) -> Result<Json<TenantView>, Problem> {
    let environment = caller.in_environment(Right::Administer)?;
    caller.for_tenant(&api, Right::Administer, &at.tenant)?;
    let given = body.read::<TenantInput>(&api).await?;
    let tenant = api
        .fanfare
        .replace_tenant(environment, &at.tenant, given.draft.into(), given.faults)
        .await?;
    Ok(Json(tenant.into()))
}

/// Change a tenant
///
/// Takes a merge patch (RFC 7396): what is left out stays, `null` empties.
#[utoipa::path(
    patch, path = "/v1/tenants/{tenant}", operation_id = "update_tenant", tag = "Tenants",
    params(TenantPath),
    request_body(content = TenantInput, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The tenant as it is now.", body = TenantView),
        (status = 409, description = "Others changed it at the same time, again and again, or the environment has \
            another operational tenant.",
            body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn update_tenant(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<TenantPath>,
    body: Incoming,
) -> Result<Json<TenantView>, Problem> {
    let environment = caller.in_environment(Right::Administer)?;
    caller.for_tenant(&api, Right::Administer, &at.tenant)?;
    let patch = body.read_patch(&api).await?;
    let tenant = until_unchanged(|| async {
        let before = api.fanfare.tenant(environment, &at.tenant).await?;
        let given = patch.over::<TenantInput>(TenantInput::from(&before))?;
        let draft = TenantDraft {
            unchanged_since: Some(before.updated_at),
            ..given.draft.into()
        };
        Ok(api
            .fanfare
            .replace_tenant(environment, &at.tenant, draft, given.faults)
            .await)
    })
    .await?;
    Ok(Json(tenant.into()))
}

/// Delete a tenant
///
/// Its endpoints go with it, and what waits for them is discarded.
#[utoipa::path(
    delete, path = "/v1/tenants/{tenant}", operation_id = "delete_tenant", tag = "Tenants",
    params(TenantPath),
    responses((status = 204, description = "It is gone.")),
)]
pub(crate) async fn delete_tenant(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<TenantPath>,
) -> Result<StatusCode, Problem> {
    let environment = caller.in_environment(Right::Administer)?;
    api.fanfare.delete_tenant(environment, &at.tenant).await?;
    Ok(StatusCode::NO_CONTENT)
}
