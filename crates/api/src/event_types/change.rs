//! Changing and removing event types.

use axum::Json;
use axum::extract::State;
use fanfare_app::event_types::EventTypeDraft;
use fanfare_domain::key::Right;
use http::StatusCode;

use super::{EventTypeInput, EventTypeView};
use crate::auth::Acting;
use crate::body::Incoming;
use crate::merge::until_unchanged;
use crate::place::{At, EventTypePath};
use crate::problem::{Problem, ProblemView};
use crate::state::Api;

/// Replace an event type
///
/// What is left out becomes empty. Its name stays.
#[utoipa::path(
    put, path = "/v1/event-types/{name}", operation_id = "replace_event_type", tag = "Event types",
    params(EventTypePath),
    request_body = EventTypeInput,
    responses(
        (status = 200, description = "The event type as it is now.", body = EventTypeView),
        (status = 409, description = "Others changed it at the same time, again and again.",
            body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn replace_event_type(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<EventTypePath>,
    body: Incoming,
) -> Result<Json<EventTypeView>, Problem> {
    let environment = caller.in_environment(Right::Administer)?;
    // First of all, so that a path that names nothing is told before faults of the body.
    api.fanfare.event_type(environment, &at.name).await?;
    let given = body.read::<EventTypeInput>(&api).await?;
    let event_type = api
        .fanfare
        .replace_event_type(environment, &at.name, given.draft.into(), given.faults)
        .await?;
    Ok(Json(event_type.into()))
}

/// Change an event type
///
/// Takes a merge patch (RFC 7396): what is left out stays, `null` empties.
#[utoipa::path(
    patch, path = "/v1/event-types/{name}", operation_id = "update_event_type", tag = "Event types",
    params(EventTypePath),
    request_body(content = EventTypeInput, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The event type as it is now.", body = EventTypeView),
        (status = 409, description = "Others changed it at the same time, again and again.",
            body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn update_event_type(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<EventTypePath>,
    body: Incoming,
) -> Result<Json<EventTypeView>, Problem> {
    let environment = caller.in_environment(Right::Administer)?;
    // First of all, so that a path that names nothing is told before faults of the body.
    api.fanfare.event_type(environment, &at.name).await?;
    let patch = body.read_patch(&api).await?;
    let event_type = until_unchanged(|| async {
        let before = api.fanfare.event_type(environment, &at.name).await?;
        let given = patch.over::<EventTypeInput>(EventTypeInput::from(&before))?;
        let draft = EventTypeDraft {
            unchanged_since: Some(before.updated_at),
            ..given.draft.into()
        };
        Ok(api
            .fanfare
            .replace_event_type(environment, &at.name, draft, given.faults)
            .await)
    })
    .await?;
    Ok(Json(event_type.into()))
}

/// Delete an event type
///
/// It can't be published any more. Endpoints that name it keep their entry.
#[utoipa::path(
    delete, path = "/v1/event-types/{name}", operation_id = "delete_event_type", tag = "Event types",
    params(EventTypePath),
    responses((status = 204, description = "It is gone.")),
)]
pub(crate) async fn delete_event_type(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<EventTypePath>,
) -> Result<StatusCode, Problem> {
    let environment = caller.in_environment(Right::Administer)?;
    api.fanfare.delete_event_type(environment, &at.name).await?;
    Ok(StatusCode::NO_CONTENT)
}
