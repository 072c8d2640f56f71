//! Making a key.

use axum::extract::State;
use axum::response::Response;
use fanfare_domain::key::Right;

use super::{FreshKeyView, KeyInput};
use crate::answer::created;
use crate::auth::Acting;
use crate::body::Incoming;
use crate::problem::Problem;
use crate::state::Api;

/// Create a key
///
/// Its text is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/v1/keys", operation_id = "create_key", tag = "Keys",
    request_body = KeyInput,
    responses((status = 201, description = "The key, with its text.", body = FreshKeyView,
        headers(("Location" = String, description = "Its path.")))),
)]
pub(crate) async fn create_key(
    State(api): State<Api>,
    caller: Acting,
    body: Incoming,
) -> Result<Response, Problem> {
    let environment = caller.in_environment(Right::Administer)?;
    let given = body.read::<KeyInput>(&api).await?;
    let fresh = api
        .fanfare
        .create_key(environment, given.draft.into(), given.faults)
        .await?;
    let location = format!("/v1/keys/{}", fresh.key.id);
    Ok(created(&location, FreshKeyView::from(fresh)))
}
