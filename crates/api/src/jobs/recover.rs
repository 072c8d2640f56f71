//! Bringing an endpoint what it did not get.

use axum::extract::State;
use axum::response::Response;
use fanfare_domain::key::Right;

use super::form::RecoverInput;
use super::view::{JobView, begun};
use crate::auth::Acting;
use crate::body::Incoming;
use crate::place::{At, EndpointPath};
use crate::problem::{Problem, ProblemView};
use crate::state::Api;

/// Recover an endpoint
///
/// Begins a job that brings the endpoint what failed, what it missed, or everything, from a time on and
/// oldest first. What still waits is left alone. Each delivery that is repeated gets a replay; an event
/// that it has no delivery of gets its first.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/endpoints/{endpoint}/recover",
    operation_id = "recover_endpoint", tag = "Jobs",
    params(EndpointPath),
    request_body = RecoverInput,
    responses(
        (status = 202, description = "The job, which goes on by itself.", body = JobView,
            headers(("Location" = String, description = "Its path."))),
        (status = 409, description = "The endpoint is disabled.", body = ProblemView,
            content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn recover_endpoint(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<EndpointPath>,
    body: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.for_tenant(&api, Right::Manage, &at.tenant)?;
    // First of all, so that a path that names nothing is told before faults of the body.
    api.fanfare.endpoint(&scope, &at.endpoint).await?;
    let given = body.read::<RecoverInput>(&api).await?;
    let job = api
        .fanfare
        .recover_endpoint(&scope, &at.endpoint, given.draft.into(), given.faults)
        .await?;
    Ok(begun(job))
}
