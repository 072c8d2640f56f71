//! Making an endpoint.

use axum::extract::State;
use axum::response::Response;
use fanfare_domain::key::Right;

use super::form::EndpointInput;
use super::order::Holding;
use super::view::EndpointView;
use crate::answer::created;
use crate::auth::Acting;
use crate::body::Incoming;
use crate::place::{At, TenantPath};
use crate::problem::{Problem, ProblemView};
use crate::state::Api;

/// Create an endpoint
///
/// It gets the events published from then on. Its secret is shown by the secrets of the endpoint.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/endpoints", operation_id = "create_endpoint",
    tag = "Endpoints",
    params(TenantPath),
    request_body = EndpointInput,
    responses(
        (status = 201, description = "The endpoint.", body = EndpointView,
            headers(("Location" = String, description = "Its path."))),
        (status = 409, description = "The tenant has as many endpoints as the server allows.",
            body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create_endpoint(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<TenantPath>,
    body: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.for_tenant(&api, Right::Manage, &at.tenant)?;
    let given = body.read::<EndpointInput>(&api).await?;
    let endpoint = api
        .fanfare
        .create_endpoint(&scope, given.draft.into(), given.faults)
        .await?;
    let location = format!("/v1/tenants/{}/endpoints/{}", scope.tenant, endpoint.id);
    let health = api.fanfare.endpoint_health(endpoint.id);
    let holding = Holding::of(&api, &[&endpoint]).await?;
    Ok(created(
        &location,
        EndpointView::new(endpoint, health, &holding, true),
    ))
}
