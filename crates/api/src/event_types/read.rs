//! Looking event types up. The catalogue is the same for all tenants, so keys bound to one may read it.

use axum::Json;
use axum::extract::State;
use fanfare_app::repository::PageOf;
use fanfare_domain::key::Right;
use http::Uri;

use super::EventTypeView;
use crate::auth::Acting;
use crate::cursor::List;
use crate::page::Page;
use crate::place::{At, EventTypePath};
use crate::problem::Problem;
use crate::query::{PageParameters, Query};
use crate::state::Api;

/// List event types
#[utoipa::path(
    get, path = "/v1/event-types", operation_id = "list_event_types", tag = "Event types",
    params(PageParameters),
    responses((status = 200, description = "A page of event types, newest first.",
        body = Page<EventTypeView>)),
)]
pub(crate) async fn list_event_types(
    State(api): State<Api>,
    caller: Acting,
    uri: Uri,
) -> Result<Json<Page<EventTypeView>>, Problem> {
    let environment = caller.by_role(Right::Read)?;
    let mut query = Query::of::<PageParameters>(&uri);
    let window = query.window(List::EventTypes);
    query.refuse_if_any()?;
    let page = PageOf {
        cursor: window.after,
        limit: window.fetch(),
    };
    let found = api.fanfare.event_types(environment, page).await?;
    Ok(Json(window.page(
        found,
        |each| each.created,
        |each| each.noun.into(),
    )))
}

/// Get an event type
#[utoipa::path(
    get, path = "/v1/event-types/{name}", operation_id = "get_event_type", tag = "Event types",
    params(EventTypePath),
    responses((status = 200, description = "The event type.", body = EventTypeView)),
)]
pub(crate) async fn get_event_type(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<EventTypePath>,
) -> Result<Json<EventTypeView>, Problem> {
    let environment = caller.by_role(Right::Read)?;
    let event_type = api.fanfare.event_type(environment, &at.name).await?;
    Ok(Json(event_type.into()))
}
