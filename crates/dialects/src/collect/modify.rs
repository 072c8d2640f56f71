//! `POST /webhooks/{webhookId}`: what is absent stays as it is.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use fanfare_domain::endpoint::{Disabled, DisabledReason, Endpoint};

use super::answer::answer;
use super::desk::Desk;
use super::failure::Failure;
use super::webhook::Shown;
use super::{NAME, fields};

pub(super) async fn run(
    State(desk): State<Arc<Desk>>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    answer(modify(&desk, id, request).await)
}

async fn modify(
    desk: &Desk,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Shown, Failure> {
    let scope = desk.enter(request.headers())?;
    let Path(id) = id.map_err(|_| Failure::NotFound)?;
    let fanfare = &desk.door.fanfare;
    let stored = fanfare.external(&scope, NAME, &id).await?.noun;
    let body = desk.object(request.into_body()).await?.unwrap_or_default();
    let url = desk.target_url(&body)?;
    let types = desk.types(&body)?;
    let campaign = fields::campaign(&body)?;
    let token = fields::secret_token(&body)?;
    let active = fields::active(&body)?;
    let nothing = url.is_none() && types.is_none() && campaign.is_none() && token.is_none();
    if nothing && active.is_none() {
        return Ok(desk.shown(&stored));
    }
    let now = fanfare.ports().clock.now();
    let change = |endpoint: &mut Endpoint| -> Result<(), Failure> {
        if let Some(url) = &url {
            endpoint.url.clone_from(url);
        }
        if let Some(types) = &types {
            endpoint.event_types.clone_from(types);
        }
        if let Some(campaign) = &campaign {
            endpoint.attributes = fields::with_campaign(&endpoint.attributes, campaign.as_deref())?;
        }
        if let Some(token) = &token {
            let secret = token.clone().map(|text| fanfare.secret_from_now(text));
            endpoint.secrets = secret.into_iter().collect();
        }
        match active {
            Some(true) => endpoint.disabled = None,
            Some(false) if endpoint.enabled() => {
                endpoint.disabled = Some(Disabled {
                    reason: DisabledReason::Manual,
                    since: now,
                });
            }
            _ => {}
        }
        Ok(())
    };
    let endpoint = fanfare.change_external(&scope, NAME, &id, change).await?;
    Ok(desk.shown(&endpoint))
}
