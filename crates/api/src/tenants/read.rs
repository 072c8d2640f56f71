//! Looking tenants up.

use axum::Json;
use axum::extract::State;
use fanfare_app::repository::PageOf;
use fanfare_domain::key::Right;
use http::Uri;

use super::TenantView;
use crate::auth::Acting;
use crate::cursor::List;
use crate::page::Page;
use crate::place::{At, TenantPath};
use crate::problem::Problem;
use crate::query::{PageParameters, Query};
use crate::state::Api;

/// List tenants
#[utoipa::path(
    get, path = "/v1/tenants", operation_id = "list_tenants", tag = "Tenants",
    params(PageParameters),
    responses((status = 200, description = "A page of tenants, newest first.", body = Page<TenantView>)),
)]
pub(crate) async fn list_tenants(
    State(api): State<Api>,
    caller: Acting,
    uri: Uri,
) -> Result<Json<Page<TenantView>>, Problem> {
    let environment = caller.in_environment(Right::Read)?;
    let mut query = Query::of::<PageParameters>(&uri);
    let window = query.window(List::Tenants);
    query.refuse_if_any()?;
    let page = PageOf {
        cursor: window.after,
        limit: window.fetch(),
    };
    let found = api.fanfare.tenants(environment, page).await?;
    Ok(Json(window.page(
        found,
        |each| each.created,
        |each| each.noun.into(),
    )))
}

/// Get a tenant
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}", operation_id = "get_tenant", tag = "Tenants",
    params(TenantPath),
    responses((status = 200, description = "The tenant.", body = TenantView)),
)]
pub(crate) async fn get_tenant(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<TenantPath>,
) -> Result<Json<TenantView>, Problem> {
    let scope = caller.for_tenant(&api, Right::Read, &at.tenant)?;
    let tenant = api.fanfare.tenant(&scope.environment, &at.tenant).await?;
    Ok(Json(tenant.into()))
}
