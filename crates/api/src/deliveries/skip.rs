//! Skipping a delivery that holds an order up.

use axum::Json;
use axum::extract::State;
use fanfare_domain::key::Right;

use super::view::DeliveryView;
use crate::auth::Acting;
use crate::place::{At, DeliveryPath};
use crate::problem::{Problem, ProblemView};
use crate::state::Api;

/// Skip a delivery
///
/// Lets the order of its endpoint go on without it, where it failed and the endpoint's `on_failure` is
/// `hold`. It stays failed, and can be replayed, which then stands outside the order.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/deliveries/{delivery}/skip",
    operation_id = "skip_delivery", tag = "Deliveries",
    params(DeliveryPath),
    responses(
        (status = 200, description = "The delivery, which holds nothing up any more.",
            body = DeliveryView),
        (status = 409, description = "It does not hold its endpoint's order up.",
            body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn skip_delivery(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<DeliveryPath>,
) -> Result<Json<DeliveryView>, Problem> {
    let scope = caller.for_tenant(&api, Right::Manage, &at.tenant)?;
    let delivery = api.fanfare.skip(&scope, &at.delivery).await?;
    Ok(Json(delivery.into()))
}
