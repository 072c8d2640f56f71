//! `PATCH webhooks/{group}/{id}`.

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::response::Response;
use fanfare_domain::endpoint::Endpoint;

use super::desk::Room;
use super::failure::Failure;
use super::validate::{Purpose, check};
use super::webhook::{self, Shown};
use super::{NAME, answer};

pub(super) async fn run(
    State(room): State<Room>,
    path: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Response {
    answer::shown(update(&room, path, request).await)
}

async fn update(
    room: &Room,
    path: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Result<Shown, Failure> {
    let Room { desk, group } = room;
    let scope = desk.enter(request.headers())?;
    let body = desk.object(request.into_body()).await?;
    let fanfare = &desk.door.fanfare;
    let given = check(&body, group, Purpose::Update, fanfare)?;
    let id = webhook_id(path)?;
    let secrets = webhook::secrets(&given.secrets, fanfare);
    let change = |endpoint: &mut Endpoint| {
        if !webhook::belongs(endpoint, group) {
            return Err(Failure::Webhook);
        }
        if let Some(url) = &given.url {
            endpoint.url.clone_from(url);
        }
        if let Some(events) = &given.events {
            webhook::set_events(endpoint, group, events);
        }
        webhook::set_facilities(endpoint, &given.facilities)?;
        if let Some(secrets) = &secrets {
            webhook::set_secrets(endpoint, secrets, fanfare);
        }
        Ok(())
    };
    let endpoint = fanfare.change_external(&scope, NAME, &id, change).await?;
    Ok(Shown::of(&endpoint, group, fanfare.ports().clock.now()))
}

/// The id in a path, as ids are written. What is no UUID names no webhook.
pub(super) fn webhook_id(
    path: Result<RawPathParams, RawPathParamsRejection>,
) -> Result<String, Failure> {
    let params = path.map_err(|_| Failure::Webhook)?;
    let id = params.iter().next().map(|(_, id)| id.to_ascii_lowercase());
    let well_formed = |id: &String| {
        id.len() == 36
            && id.bytes().enumerate().all(|(place, byte)| match place {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            })
    };
    id.filter(well_formed).ok_or(Failure::Webhook)
}
