//! Trying a delivery again.

use axum::Json;
use axum::extract::State;
use fanfare_app::deliveries::Retried;
use fanfare_domain::key::Right;
use http::StatusCode;

use super::view::DeliveryView;
use crate::auth::Acting;
use crate::place::{At, DeliveryPath};
use crate::problem::{Problem, ProblemView};
use crate::state::Api;

/// Retry a delivery
///
/// One that waits gets an extra attempt now, and its schedule stands. One that ended is never reopened:
/// a new delivery of the same event is made, whose `replay_of` names the old one. At an endpoint with an
/// order only the first in it gets an extra attempt; replays stand outside the order.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/deliveries/{delivery}/retry",
    operation_id = "retry_delivery", tag = "Deliveries",
    params(DeliveryPath),
    responses(
        (status = 202, description = "The delivery that is attempted now: the same one, or the new one.",
            body = DeliveryView),
        (status = 409, description = "Its endpoint is disabled or deleted, its event's data is not kept \
            any more, or it is not the first in its endpoint's order.", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn retry_delivery(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<DeliveryPath>,
) -> Result<(StatusCode, Json<DeliveryView>), Problem> {
    let scope = caller.for_tenant(&api, Right::Manage, &at.tenant)?;
    let (Retried::Extra(delivery) | Retried::Replay(delivery)) =
        api.fanfare.retry(&scope, &at.delivery).await?;
    Ok((StatusCode::ACCEPTED, Json(delivery.into())))
}
