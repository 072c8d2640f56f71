//! `PATCH endpoint.update`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use fanfare_domain::endpoint::Endpoint;

use super::desk::Desk;
use super::endpoint::Shown;
use super::failure::Failure;
use super::{NAME, fields};

pub(super) async fn run(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    desk.answer(update(&desk, request).await)
}

async fn update(desk: &Desk, request: Request) -> Result<Shown, Failure> {
    let scope = desk.enter(request.headers())?;
    let body = desk.object(request.into_body()).await?;
    let fanfare = &desk.door.fanfare;
    let id = fields::endpoint_id(body.get("endpoint_id"))?;
    let url = fields::url(&body, fanfare)?;
    let events = fields::events(&body)?;
    let stored = fanfare.external(&scope, NAME, id).await?.noun;
    if url.is_none() && events.is_none() {
        return Ok(Shown::of(&stored));
    }
    if let Some(url) = url.as_deref().filter(|url| *url != stored.url) {
        desk.ask(url).await?;
    }
    let change = |endpoint: &mut Endpoint| {
        if let Some(url) = &url {
            endpoint.url.clone_from(url);
        }
        if let Some(events) = &events {
            endpoint.event_types.clone_from(events);
        }
        Ok::<(), Failure>(())
    };
    let endpoint = fanfare.change_external(&scope, NAME, id, change).await?;
    Ok(Shown::of(&endpoint))
}
