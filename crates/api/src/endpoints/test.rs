//! Trying an endpoint out.

use axum::Json;
use axum::extract::State;
use fanfare_domain::key::Right;

use super::form::TestInput;
use crate::attempts::AttemptView;
use crate::auth::Acting;
use crate::body::Incoming;
use crate::place::{At, EndpointPath};
use crate::problem::Problem;
use crate::state::Api;

/// Test an endpoint
///
/// Sends a signed test event now, whether the endpoint is enabled or not, and answers with the attempt.
/// Neither is kept, and nothing is repeated. The body may be left out.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/endpoints/{endpoint}/test",
    operation_id = "test_endpoint", tag = "Endpoints",
    params(EndpointPath),
    request_body = Option<TestInput>,
    responses((status = 200, description = "The attempt, whatever came of it.", body = AttemptView)),
)]
pub(crate) async fn test_endpoint(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<EndpointPath>,
    body: Incoming,
) -> Result<Json<AttemptView>, Problem> {
    let scope = caller.for_tenant(&api, Right::Manage, &at.tenant)?;
    // First of all, so that a path that names nothing is told before faults of the body.
    api.fanfare.endpoint(&scope, &at.endpoint).await?;
    let given = body.read_if_any::<TestInput>(&api).await?;
    let attempt = api
        .fanfare
        .test_endpoint(&scope, &at.endpoint, given.draft.event_type, given.faults)
        .await?;
    Ok(Json(AttemptView::of_test(attempt)))
}
