//! Looking up one delivery, and its attempts.

use axum::Json;
use axum::extract::State;
use fanfare_domain::attempt::Attempt;
use fanfare_domain::key::Right;
use http::Uri;

use super::view::DeliveryView;
use crate::attempts::AttemptView;
use crate::auth::Acting;
use crate::cursor::List;
use crate::page::Page;
use crate::place::{At, DeliveryPath};
use crate::problem::Problem;
use crate::query::{PageParameters, Query};
use crate::state::Api;

/// Get a delivery
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/deliveries/{delivery}", operation_id = "get_delivery",
    tag = "Deliveries",
    params(DeliveryPath),
    responses((status = 200, description = "The delivery.", body = DeliveryView)),
)]
pub(crate) async fn get_delivery(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<DeliveryPath>,
) -> Result<Json<DeliveryView>, Problem> {
    let scope = caller.for_tenant(&api, Right::Read, &at.tenant)?;
    let delivery = api.fanfare.delivery(&scope, &at.delivery).await?;
    Ok(Json(delivery.into()))
}

/// List the attempts of a delivery
///
/// Oldest first; what each sent, where it went, what came back and how long it took.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/deliveries/{delivery}/attempts",
    operation_id = "list_attempts", tag = "Deliveries",
    params(DeliveryPath, PageParameters),
    responses((status = 200, description = "A page of attempts, oldest first.",
        body = Page<AttemptView>)),
)]
pub(crate) async fn list_attempts(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<DeliveryPath>,
    uri: Uri,
) -> Result<Json<Page<AttemptView>>, Problem> {
    let scope = caller.for_tenant(&api, Right::Read, &at.tenant)?;
    let mut query = Query::of::<PageParameters>(&uri);
    let window = query.window(List::Attempts);
    query.refuse_if_any()?;
    let after = window.after.unwrap_or(0);
    let found = api
        .fanfare
        .attempts(&scope, &at.delivery, after, window.fetch());
    Ok(Json(window.page(
        found.await?,
        |attempt: &Attempt| attempt.id.number(),
        AttemptView::of_delivery,
    )))
}
