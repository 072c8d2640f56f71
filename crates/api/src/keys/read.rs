//! Looking keys up.

use axum::Json;
use axum::extract::State;
use fanfare_app::repository::PageOf;
use fanfare_domain::key::Right;
use http::Uri;

use super::KeyView;
use crate::auth::Acting;
use crate::cursor::List;
use crate::page::Page;
use crate::place::{At, KeyPath};
use crate::problem::Problem;
use crate::query::{PageParameters, Query};
use crate::state::Api;

/// List keys
///
/// A key that the server was started with is in no list.
#[utoipa::path(
    get, path = "/v1/keys", operation_id = "list_keys", tag = "Keys",
    params(PageParameters),
    responses((status = 200, description = "A page of keys, newest first.", body = Page<KeyView>)),
)]
pub(crate) async fn list_keys(
    State(api): State<Api>,
    caller: Acting,
    uri: Uri,
) -> Result<Json<Page<KeyView>>, Problem> {
    let environment = caller.in_environment(Right::Administer)?;
    let mut query = Query::of::<PageParameters>(&uri);
    let window = query.window(List::Keys);
    query.refuse_if_any()?;
    let page = PageOf {
        cursor: window.after,
        limit: window.fetch(),
    };
    let found = api.fanfare.keys(environment, page).await?;
    Ok(Json(window.page(
        found,
        |each| each.created,
        |each| each.noun.into(),
    )))
}

/// Get a key
#[utoipa::path(
    get, path = "/v1/keys/{key}", operation_id = "get_key", tag = "Keys",
    params(KeyPath),
    responses((status = 200, description = "The key, without its text.", body = KeyView)),
)]
pub(crate) async fn get_key(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<KeyPath>,
) -> Result<Json<KeyView>, Problem> {
    let environment = caller.in_environment(Right::Administer)?;
    let key = api.fanfare.key_by_id(environment, &at.key).await?;
    Ok(Json(key.into()))
}
