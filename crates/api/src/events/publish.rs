//! Publishing an event.

use axum::Json;
use axum::extract::State;
use fanfare_app::publish::EventDraft;
use fanfare_domain::key::Right;
use http::StatusCode;

use super::form::{EventInput, read};
use super::view::PublishedView;
use crate::auth::Acting;
use crate::body::{Incoming, json};
use crate::idempotency::{IdempotencyHeader, Repeatable};
use crate::place::{At, TenantPath};
use crate::problem::{Problem, ProblemView};
use crate::state::Api;

/// Publish an event
///
/// When it is answered 202, the event and the list of its targets are on disk. Repeating the request
/// with the same `id`, or the same `Idempotency-Key` within 24 hours, is answered as the first time and
/// makes no second event.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/events", operation_id = "publish_event", tag = "Events",
    params(TenantPath, IdempotencyHeader),
    request_body = EventInput,
    responses(
        (status = 202, description = "The event is accepted.", body = PublishedView),
        (status = 409, description = "The id or the Idempotency-Key stands for other content.",
            body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn publish_event(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<TenantPath>,
    body: Incoming,
) -> Result<(StatusCode, Json<PublishedView>), Problem> {
    let scope = caller.for_tenant(&api, Right::Publish, &at.tenant)?;
    let repeatable = Repeatable::read(&body.parts.headers, &caller.0, || {
        format!("/v1/tenants/{}/events", scope.tenant)
    })?;
    let most = api.fanfare.limits().event_bytes + api.options.envelope_bytes;
    let bytes = body.bytes(&api, most).await?;
    json::check_depth(&bytes)?;
    let (given, found) = read::<EventInput>(&bytes)?;
    let draft = EventDraft {
        found,
        ..given.into()
    };
    let key = repeatable.map(|key| key.keys(&bytes, 1)[0]);
    // Nobody needs what came in any more, and the connection can read into its place.
    drop(bytes);
    api.fanfare.count_publish(&caller.1)?;
    let accepted = api.fanfare.publish(scope, draft, key).await?;
    let view = PublishedView::from(&*accepted.event);
    Ok((StatusCode::ACCEPTED, Json(view)))
}
