//! Looking endpoints up.

use axum::Json;
use axum::extract::State;
use fanfare_app::repository::PageOf;
use fanfare_domain::key::Right;
use http::Uri;

use super::order::Holding;
use super::view::EndpointView;
use crate::auth::Acting;
use crate::cursor::List;
use crate::page::Page;
use crate::place::{At, EndpointPath, TenantPath};
use crate::problem::Problem;
use crate::query::{PageParameters, Query};
use crate::state::Api;

/// List the endpoints of a tenant
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/endpoints", operation_id = "list_endpoints",
    tag = "Endpoints",
    params(TenantPath, PageParameters),
    responses((status = 200, description = "A page of endpoints, newest first.",
        body = Page<EndpointView>)),
)]
pub(crate) async fn list_endpoints(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<TenantPath>,
    uri: Uri,
) -> Result<Json<Page<EndpointView>>, Problem> {
    let scope = caller.for_tenant(&api, Right::Read, &at.tenant)?;
    let mut query = Query::of::<PageParameters>(&uri);
    let window = query.window(List::Endpoints);
    query.refuse_if_any()?;
    let page = PageOf {
        cursor: window.after,
        limit: window.fetch(),
    };
    let manages = caller.may_for(Right::Manage, &at.tenant);
    let found = api.fanfare.endpoints(&scope, page).await?;
    let endpoints: Vec<_> = found.iter().map(|each| &each.noun).collect();
    let holding = Holding::of(&api, &endpoints).await?;
    Ok(Json(window.page(
        found,
        |each| each.created,
        |each| {
            let health = api.fanfare.endpoint_health(each.noun.id);
            EndpointView::new(each.noun, health, &holding, manages)
        },
    )))
}

/// Get an endpoint
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/endpoints/{endpoint}", operation_id = "get_endpoint",
    tag = "Endpoints",
    params(EndpointPath),
    responses((status = 200, description = "The endpoint.", body = EndpointView)),
)]
pub(crate) async fn get_endpoint(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<EndpointPath>,
) -> Result<Json<EndpointView>, Problem> {
    let scope = caller.for_tenant(&api, Right::Read, &at.tenant)?;
    let endpoint = api.fanfare.endpoint(&scope, &at.endpoint).await?;
    let manages = caller.may_for(Right::Manage, &at.tenant);
    let health = api.fanfare.endpoint_health(endpoint.id);
    let holding = Holding::of(&api, &[&endpoint]).await?;
    Ok(Json(EndpointView::new(endpoint, health, &holding, manages)))
}
