//! Changing and removing endpoints.

use axum::Json;
use axum::extract::State;
use fanfare_app::endpoints::EndpointDraft;
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::key::Right;
use http::StatusCode;

use super::form::EndpointInput;
use super::order::Holding;
use super::view::{EndpointView, MissedView};
use crate::auth::Acting;
use crate::body::Incoming;
use crate::merge::until_unchanged;
use crate::place::{At, EndpointPath};
use crate::problem::{Problem, ProblemView};
use crate::state::Api;

/// Replace an endpoint
///
/// What is left out becomes as it is for a new endpoint; its id, secrets and history stay.
#[utoipa::path(
    put, path = "/v1/tenants/{tenant}/endpoints/{endpoint}", operation_id = "replace_endpoint",
    tag = "Endpoints",
    params(EndpointPath),
    request_body = EndpointInput,
    responses(
        (status = 200, description = "The endpoint as it is now.", body = EndpointView),
        (status = 409, description = "Others changed it at the same time, again and again.",
            body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn replace_endpoint(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<EndpointPath>,
    body: Incoming,
) -> Result<Json<EndpointView>, Problem> {
    let scope = caller.for_tenant(&api, Right::Manage, &at.tenant)?;
    // First of all, so that a path that names nothing is told before faults of the body.
    let before = api.fanfare.endpoint(&scope, &at.endpoint).await?;
    let given = body.read::<EndpointInput>(&api).await?;
    let endpoint = api
        .fanfare
        .replace_endpoint(&scope, &at.endpoint, given.draft.into(), given.faults)
        .await?;
    let health = api.fanfare.endpoint_health(endpoint.id);
    let holding = Holding::of(&api, &[&endpoint]).await?;
    let missed = offer(&api, &before, &endpoint).await;
    Ok(Json(
        EndpointView::new(endpoint, health, &holding, true).offering(missed),
    ))
}

/// Change an endpoint
///
/// Takes a merge patch (RFC 7396): what is left out stays, `null` makes it as it is for a new endpoint.
#[utoipa::path(
    patch, path = "/v1/tenants/{tenant}/endpoints/{endpoint}", operation_id = "update_endpoint",
    tag = "Endpoints",
    params(EndpointPath),
    request_body(content = EndpointInput, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The endpoint as it is now.", body = EndpointView),
        (status = 409, description = "Others changed it at the same time, again and again.",
            body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn update_endpoint(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<EndpointPath>,
    body: Incoming,
) -> Result<Json<EndpointView>, Problem> {
    let scope = caller.for_tenant(&api, Right::Manage, &at.tenant)?;
    // First of all, so that a path that names nothing is told before faults of the body.
    let first = api.fanfare.endpoint(&scope, &at.endpoint).await?;
    let patch = body.read_patch(&api).await?;
    let endpoint = until_unchanged(|| async {
        let before = api.fanfare.endpoint(&scope, &at.endpoint).await?;
        let given = patch.over::<EndpointInput>(EndpointInput::from(&before))?;
        let draft = EndpointDraft {
            unchanged_since: Some(before.updated_at),
            ..given.draft.into()
        };
        Ok(api
            .fanfare
            .replace_endpoint(&scope, &at.endpoint, draft, given.faults)
            .await)
    })
    .await?;
    let health = api.fanfare.endpoint_health(endpoint.id);
    let holding = Holding::of(&api, &[&endpoint]).await?;
    let missed = offer(&api, &first, &endpoint).await;
    Ok(Json(
        EndpointView::new(endpoint, health, &holding, true).offering(missed),
    ))
}

/// What an endpoint missed, if it was just enabled. The change is made, whatever comes of this.
async fn offer(api: &Api, before: &Endpoint, now: &Endpoint) -> Option<MissedView> {
    let disabled = before.disabled.as_ref()?.since;
    if !now.enabled() {
        return None;
    }
    let since = api.fanfare.missed_since(now, disabled).await;
    let counted = match since {
        Ok(since) => api.fanfare.missed(now, since).await,
        Err(cause) => Err(cause),
    };
    match counted {
        Ok(offer) if offer.count == 0 && !offer.more => None,
        Ok(offer) => Some(MissedView::new(now, offer)),
        Err(cause) => {
            tracing::warn!(
                endpoint = %now.id,
                error = &cause as &dyn std::error::Error,
                "what the endpoint missed can't be counted"
            );
            None
        }
    }
}

/// Delete an endpoint
///
/// What waits for it is discarded; its deliveries can be looked up for as long as they are kept.
#[utoipa::path(
    delete, path = "/v1/tenants/{tenant}/endpoints/{endpoint}", operation_id = "delete_endpoint",
    tag = "Endpoints",
    params(EndpointPath),
    responses((status = 204, description = "It is gone.")),
)]
pub(crate) async fn delete_endpoint(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<EndpointPath>,
) -> Result<StatusCode, Problem> {
    let scope = caller.for_tenant(&api, Right::Manage, &at.tenant)?;
    api.fanfare.delete_endpoint(&scope, &at.endpoint).await?;
    Ok(StatusCode::NO_CONTENT)
}
