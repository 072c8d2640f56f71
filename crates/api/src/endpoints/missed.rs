//! What an endpoint missed.

use axum::Json;
use axum::extract::State;
use fanfare_domain::key::Right;
use http::Uri;

use super::view::MissedView;
use crate::auth::Acting;
use crate::place::{At, EndpointPath};
use crate::problem::Problem;
use crate::query::{MissedParameters, Query};
use crate::state::Api;

/// Count what an endpoint missed
///
/// Up to about a thousand events are looked at; `more` tells whether there are others.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/endpoints/{endpoint}/missed",
    operation_id = "get_endpoint_missed", tag = "Jobs",
    params(EndpointPath, MissedParameters),
    responses((status = 200, description = "What it missed.", body = MissedView)),
)]
pub(crate) async fn get_endpoint_missed(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<EndpointPath>,
    uri: Uri,
) -> Result<Json<MissedView>, Problem> {
    let scope = caller.for_tenant(&api, Right::Read, &at.tenant)?;
    let endpoint = api.fanfare.endpoint(&scope, &at.endpoint).await?;
    let mut query = Query::of::<MissedParameters>(&uri);
    let disabled = endpoint.disabled.as_ref().map(|disabled| disabled.since);
    let asked = query.time("since");
    if asked.is_none() && disabled.is_none() && !query.has("since") {
        query.wrong("since", "is required for an endpoint that is enabled");
    }
    query.refuse_if_any()?;
    let since = match (asked, disabled) {
        (Some(since), _) => since,
        (None, Some(disabled)) => api.fanfare.missed_since(&endpoint, disabled).await?,
        (None, None) => endpoint.created_at,
    };
    let offer = api.fanfare.missed(&endpoint, since).await?;
    Ok(Json(MissedView::new(&endpoint, offer)))
}
