//! `POST /endpoints/{id}`.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use fanfare_domain::endpoint::{Disabled, DisabledReason, Endpoint, External};

use super::answer::answer;
use super::desk::Desk;
use super::endpoint::{Shown, id_of};
use super::failure::Failure;
use super::{NAME, fields};

pub(super) async fn run(
    State(desk): State<Arc<Desk>>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    answer(update(&desk, id, request).await)
}

async fn update(
    desk: &Desk,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Shown, Failure> {
    let scope = desk.enter(request.headers(), "update endpoint")?;
    let Path(id) = id.map_err(|_| Failure::NotFound)?;
    let fanfare = &desk.door.fanfare;
    fanfare.external(&scope, NAME, &id).await?;
    let body = desk.object(request.into_body()).await?;
    let disabled = fields::disabled(&body)?;
    let event_types = desk.event_types(&body, &scope)?;
    let url = desk.url(&body)?;
    let secret = fields::secret(&body)?;
    let now = fanfare.ports().clock.now();
    let change = |endpoint: &mut Endpoint| {
        endpoint.disabled = match (disabled, endpoint.disabled.take()) {
            (false, _) => None,
            (true, Some(before)) => Some(before),
            (true, None) => Some(Disabled {
                reason: DisabledReason::Manual,
                since: now,
            }),
        };
        if let Some(event_types) = &event_types {
            endpoint.event_types = Some(event_types.clone());
        }
        if let Some(url) = &url {
            endpoint.url.clone_from(url);
            endpoint.external = Some(External {
                id: id_of(url),
                data: serde_json::Map::new(),
            });
        }
        if let Some(secret) = &secret {
            // The old one stops at once: a signature has room for one.
            endpoint.secrets = vec![fanfare.secret_from_now(secret.clone())];
        }
        Ok::<(), Failure>(())
    };
    let endpoint = fanfare.change_external(&scope, NAME, &id, change).await?;
    Ok(Shown::of(&endpoint, &desk.events))
}
