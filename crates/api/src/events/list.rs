//! Looking events up.

use axum::Json;
use axum::extract::State;
use fanfare_app::port::log::EventQuery;
use fanfare_domain::key::Right;
use http::Uri;

use super::view::{EventSummaryView, EventView};
use crate::auth::Acting;
use crate::cursor::List;
use crate::page::Page;
use crate::place::{At, EventPath, TenantPath};
use crate::problem::Problem;
use crate::query::{EventParameters, Query};
use crate::state::Api;

/// List the events of a tenant
///
/// Without their data, which each event has by itself.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/events", operation_id = "list_events", tag = "Events",
    params(TenantPath, EventParameters),
    responses((status = 200, description = "A page of events, newest first.",
        body = Page<EventSummaryView>)),
)]
pub(crate) async fn list_events(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<TenantPath>,
    uri: Uri,
) -> Result<Json<Page<EventSummaryView>>, Problem> {
    let scope = caller.for_tenant(&api, Right::Read, &at.tenant)?;
    let mut query = Query::of::<EventParameters>(&uri);
    let window = query.window(List::Events);
    let asked = EventQuery {
        scope,
        event_type: query.event_type("type"),
        since: query.time("since"),
        until: query.time("until"),
        before: window.after,
        limit: window.fetch(),
    };
    query.refuse_if_any()?;
    let found = api.fanfare.search_events(&asked).await?;
    Ok(Json(window.page_of(
        found,
        |each| each.id,
        |each| EventSummaryView::from(&*each),
    )))
}

/// Get an event
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/events/{event}", operation_id = "get_event", tag = "Events",
    params(EventPath),
    responses((status = 200, description = "The event.", body = EventView)),
)]
pub(crate) async fn get_event(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<EventPath>,
) -> Result<Json<EventView>, Problem> {
    let scope = caller.for_tenant(&api, Right::Read, &at.tenant)?;
    let event = api.fanfare.event(&scope, &at.event).await?;
    Ok(Json(EventView::from(&*event)))
}
