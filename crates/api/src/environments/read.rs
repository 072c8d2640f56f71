//! Looking environments up.

use axum::Json;
use axum::extract::State;
use fanfare_app::caller::Forbidden;
use fanfare_app::repository::PageOf;
use fanfare_domain::key::Right;
use http::Uri;

use super::EnvironmentView;
use crate::auth::Acting;
use crate::cursor::List;
use crate::page::Page;
use crate::place::{At, EnvironmentPath};
use crate::problem::Problem;
use crate::query::{PageParameters, Query};
use crate::state::Api;

/// List environments
///
/// Only with the administrator's key.
#[utoipa::path(
    get, path = "/v1/environments", operation_id = "list_environments", tag = "Environments",
    params(PageParameters),
    responses((status = 200, description = "A page of environments, newest first.",
        body = Page<EnvironmentView>)),
)]
pub(crate) async fn list_environments(
    State(api): State<Api>,
    caller: Acting,
    uri: Uri,
) -> Result<Json<Page<EnvironmentView>>, Problem> {
    caller.administrator()?;
    let mut query = Query::of::<PageParameters>(&uri);
    let window = query.window(List::Environments);
    query.refuse_if_any()?;
    let page = PageOf {
        cursor: window.after,
        limit: window.fetch(),
    };
    let found = api.fanfare.environments(page).await?;
    Ok(Json(window.page(
        found,
        |each| each.created,
        |each| each.noun.into(),
    )))
}

/// Get an environment
///
/// The administrator's key sees each, another key its own.
#[utoipa::path(
    get, path = "/v1/environments/{environment}", operation_id = "get_environment",
    tag = "Environments",
    params(EnvironmentPath),
    responses((status = 200, description = "The environment.", body = EnvironmentView)),
)]
pub(crate) async fn get_environment(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<EnvironmentPath>,
) -> Result<Json<EnvironmentView>, Problem> {
    let own = caller.by_role(Right::Read)?;
    if !caller.0.root && own.as_str() != at.environment {
        return Err(Forbidden::Environment(own.clone()).into());
    }
    let environment = api.fanfare.environment(&at.environment).await?;
    Ok(Json(environment.into()))
}
