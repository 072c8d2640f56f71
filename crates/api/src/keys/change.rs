//! Changing keys.

use axum::Json;
use axum::extract::State;
use fanfare_domain::key::Right;
use fanfare_domain::rate::RateLimit;

use super::{KeyChange, KeyView};
use crate::auth::Acting;
use crate::body::Incoming;
use crate::place::{At, KeyPath};
use crate::problem::{Problem, ProblemView};
use crate::state::Api;

/// Change a key
///
/// Takes a merge patch (RFC 7396). Only how much it may publish can be changed: for another role or
/// tenant, make another key.
#[utoipa::path(
    patch, path = "/v1/keys/{key}", operation_id = "update_key", tag = "Keys",
    params(KeyPath),
    request_body(content = KeyChange, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The key as it is now, without its text.", body = KeyView),
        (status = 409, description = "Others changed it at the same time, again and again.",
            body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn update_key(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<KeyPath>,
    body: Incoming,
) -> Result<Json<KeyView>, Problem> {
    let environment = caller.in_environment(Right::Administer)?;
    let patch = body.read_patch(&api).await?;
    let before = api.fanfare.key_by_id(environment, &at.key).await?;
    if before.root {
        caller.administrator()?;
    }
    let before = KeyChange {
        publish_rate: before.publish_rate.map(Into::into),
    };
    let given = patch.over::<KeyChange>(before)?;
    let rate = given.draft.publish_rate.map(RateLimit::from);
    let key = api
        .fanfare
        .change_publish_rate(environment, &at.key, rate, given.faults)
        .await?;
    Ok(Json(key.into()))
}
