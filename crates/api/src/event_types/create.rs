//! Making an event type.

use axum::extract::State;
use axum::response::Response;
use fanfare_domain::key::Right;

use super::{EventTypeInput, EventTypeView};
use crate::answer::created;
use crate::auth::Acting;
use crate::body::Incoming;
use crate::problem::{Problem, ProblemView};
use crate::state::Api;

/// Create an event type
#[utoipa::path(
    post, path = "/v1/event-types", operation_id = "create_event_type", tag = "Event types",
    request_body = EventTypeInput,
    responses(
        (status = 201, description = "The event type.", body = EventTypeView,
            headers(("Location" = String, description = "Its path."))),
        (status = 409, description = "The name is taken.", body = ProblemView,
            content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create_event_type(
    State(api): State<Api>,
    caller: Acting,
    body: Incoming,
) -> Result<Response, Problem> {
    let environment = caller.in_environment(Right::Administer)?;
    let given = body.read::<EventTypeInput>(&api).await?;
    let event_type = api
        .fanfare
        .create_event_type(environment, given.draft.into(), given.faults)
        .await?;
    let location = format!("/v1/event-types/{}", event_type.name);
    Ok(created(&location, EventTypeView::from(event_type)))
}
