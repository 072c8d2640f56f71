//! The secrets of an endpoint.

use axum::Json;
use axum::extract::State;
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::key::Right;

use super::form::RotationInput;
use super::view::SecretView;
use crate::auth::Acting;
use crate::body::Incoming;
use crate::page::Page;
use crate::place::{At, EndpointPath};
use crate::problem::{Problem, ProblemView};
use crate::state::Api;

fn shown(api: &Api, endpoint: Endpoint) -> Json<Page<SecretView>> {
    let now = api.fanfare.ports().clock.now();
    let signing = endpoint
        .secrets
        .into_iter()
        .filter(|each| each.signs_at(now));
    Json(Page::whole(signing.map(SecretView::from).collect()))
}

/// List the secrets of an endpoint
///
/// All that sign now, newest first. The only read of a secret, for keys that may manage.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/endpoints/{endpoint}/secrets",
    operation_id = "list_endpoint_secrets", tag = "Endpoints",
    params(EndpointPath),
    responses((status = 200, description = "The secrets.", body = Page<SecretView>)),
)]
pub(crate) async fn list_endpoint_secrets(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<EndpointPath>,
) -> Result<Json<Page<SecretView>>, Problem> {
    let scope = caller.for_tenant(&api, Right::Manage, &at.tenant)?;
    let endpoint = api.fanfare.endpoint(&scope, &at.endpoint).await?;
    Ok(shown(&api, endpoint))
}

/// Rotate the secret of an endpoint
///
/// The new secret signs from now on; the old ones sign beside it until the overlap is over. The body may
/// be left out.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/endpoints/{endpoint}/secrets/rotate",
    operation_id = "rotate_endpoint_secret", tag = "Endpoints",
    params(EndpointPath),
    request_body = Option<RotationInput>,
    responses(
        (status = 200, description = "The secrets that sign now, newest first.",
            body = Page<SecretView>),
        (status = 409, description = "Others changed the endpoint at the same time, again and again.",
            body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn rotate_endpoint_secret(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<EndpointPath>,
    body: Incoming,
) -> Result<Json<Page<SecretView>>, Problem> {
    let scope = caller.for_tenant(&api, Right::Manage, &at.tenant)?;
    // First of all, so that a path that names nothing is told before faults of the body.
    api.fanfare.endpoint(&scope, &at.endpoint).await?;
    let given = body.read_if_any::<RotationInput>(&api).await?;
    let endpoint = api
        .fanfare
        .rotate_secret(&scope, &at.endpoint, given.draft.into(), given.faults)
        .await?;
    Ok(shown(&api, endpoint))
}
