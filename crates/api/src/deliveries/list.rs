//! Lists of deliveries: of a tenant, of an endpoint, of an event.

use axum::Json;
use axum::extract::State;
use fanfare_app::port::deliveries::DeliveryQuery;
use fanfare_domain::id::DeliveryId;
use fanfare_domain::key::Right;
use fanfare_domain::name::Scope;
use http::Uri;

use super::view::DeliveryView;
use crate::auth::Acting;
use crate::cursor::List;
use crate::page::{Page, Window};
use crate::place::{At, EndpointPath, EventPath, TenantPath};
use crate::problem::Problem;
use crate::query::{DeliveryParameters, EndpointDeliveryParameters, Query};
use crate::state::Api;

fn asked(query: &mut Query, scope: Scope) -> (DeliveryQuery, Window<DeliveryId>) {
    let window = query.window(List::Deliveries);
    let asked = DeliveryQuery {
        scope,
        event: None,
        endpoint: query.endpoint("endpoint"),
        state: query.state("state"),
        event_type: query.event_type("event_type"),
        last_error: query.error_kind("last_error"),
        last_status: query.status("last_status"),
        since: query.time("since"),
        until: query.time("until"),
        before: window.after,
        limit: window.fetch(),
    };
    (asked, window)
}

/// List the deliveries of a tenant
///
/// A delivery may be missing for about a second after its event was accepted.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/deliveries", operation_id = "list_deliveries",
    tag = "Deliveries",
    params(TenantPath, DeliveryParameters),
    responses((status = 200, description = "A page of deliveries, newest first.",
        body = Page<DeliveryView>)),
)]
pub(crate) async fn list_deliveries(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<TenantPath>,
    uri: Uri,
) -> Result<Json<Page<DeliveryView>>, Problem> {
    let scope = caller.for_tenant(&api, Right::Read, &at.tenant)?;
    let mut query = Query::of::<DeliveryParameters>(&uri);
    let (asked, window) = asked(&mut query, scope);
    query.refuse_if_any()?;
    let found = api.fanfare.search_deliveries(&asked).await?;
    Ok(Json(window.page_of(
        found,
        |each| each.id,
        DeliveryView::from,
    )))
}

/// List the deliveries to an endpoint
///
/// A delivery may be missing for about a second after its event was accepted.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/endpoints/{endpoint}/deliveries",
    operation_id = "list_endpoint_deliveries", tag = "Deliveries",
    params(EndpointPath, EndpointDeliveryParameters),
    responses((status = 200, description = "A page of deliveries, newest first.",
        body = Page<DeliveryView>)),
)]
pub(crate) async fn list_endpoint_deliveries(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<EndpointPath>,
    uri: Uri,
) -> Result<Json<Page<DeliveryView>>, Problem> {
    let scope = caller.for_tenant(&api, Right::Read, &at.tenant)?;
    let endpoint = api.fanfare.endpoint(&scope, &at.endpoint).await?;
    let mut query = Query::of::<EndpointDeliveryParameters>(&uri);
    let (mut asked, window) = asked(&mut query, scope);
    query.refuse_if_any()?;
    asked.endpoint = Some(endpoint.id);
    let found = api.fanfare.search_deliveries(&asked).await?;
    Ok(Json(window.page_of(
        found,
        |each| each.id,
        DeliveryView::from,
    )))
}

/// List the deliveries of an event
///
/// Complete from the moment that the event was accepted.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/events/{event}/deliveries",
    operation_id = "list_event_deliveries", tag = "Deliveries",
    params(EventPath, DeliveryParameters),
    responses((status = 200, description = "A page of deliveries, newest first.",
        body = Page<DeliveryView>)),
)]
pub(crate) async fn list_event_deliveries(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<EventPath>,
    uri: Uri,
) -> Result<Json<Page<DeliveryView>>, Problem> {
    let scope = caller.for_tenant(&api, Right::Read, &at.tenant)?;
    // First of all, so that a path that names nothing is told before faults of the query.
    let event = api.fanfare.event(&scope, &at.event).await?;
    let mut query = Query::of::<DeliveryParameters>(&uri);
    let (asked, window) = asked(&mut query, scope);
    query.refuse_if_any()?;
    let found = api.fanfare.deliveries_of_event(&event, asked).await?;
    Ok(Json(window.page(found, |each| each.id, DeliveryView::from)))
}
