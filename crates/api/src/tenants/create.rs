//! Making a tenant.

use axum::extract::State;
use axum::response::Response;
use fanfare_domain::key::Right;

use super::{TenantInput, TenantView};
use crate::answer::created;
use crate::auth::Acting;
use crate::body::Incoming;
use crate::problem::{Problem, ProblemView};
use crate::state::Api;

/// Create a tenant
#[utoipa::path(
    post, path = "/v1/tenants", operation_id = "create_tenant", tag = "Tenants",
    request_body = TenantInput,
    responses(
        (status = 201, description = "The tenant.", body = TenantView,
            headers(("Location" = String, description = "Its path."))),
        (status = 409, description = "The id is taken, or the environment has another operational tenant.", body = ProblemView,
            content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create_tenant(
    State(api): State<Api>,
    caller: Acting,
    body: Incoming,
) -> Result<Response, Problem> {
    let environment = caller.in_environment(Right::Administer)?;
    let given = body.read::<TenantInput>(&api).await?;
    let tenant = api
        .fanfare
        .create_tenant(environment, given.draft.into(), given.faults)
        .await?;
    Ok(created(
        &format!("/v1/tenants/{}", tenant.id),
        TenantView::from(tenant),
    ))
}
