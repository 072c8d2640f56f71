//! Making an environment.

use axum::extract::State;
use axum::response::Response;

use super::{EnvironmentInput, EnvironmentView};
use crate::answer::created;
use crate::auth::Acting;
use crate::body::Incoming;
use crate::problem::{Problem, ProblemView};
use crate::state::Api;

/// Create an environment
///
/// Only with the administrator's key, which then acts in it by the header `Fanfare-Environment`.
#[utoipa::path(
    post, path = "/v1/environments", operation_id = "create_environment", tag = "Environments",
    request_body = EnvironmentInput,
    responses(
        (status = 201, description = "The environment.", body = EnvironmentView,
            headers(("Location" = String, description = "Its path."))),
        (status = 409, description = "The id is taken.", body = ProblemView,
            content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create_environment(
    State(api): State<Api>,
    caller: Acting,
    body: Incoming,
) -> Result<Response, Problem> {
    caller.administrator()?;
    let given = body.read::<EnvironmentInput>(&api).await?;
    let environment = api
        .fanfare
        .create_environment(given.draft.into(), given.faults)
        .await?;
    let location = format!("/v1/environments/{}", environment.id);
    Ok(created(&location, EnvironmentView::from(environment)))
}
