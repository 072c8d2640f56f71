//! `DELETE webhooks/{group}/{id}`.

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, State};
use axum::response::Response;
use http::HeaderMap;

use super::desk::Room;
use super::failure::Failure;
use super::update::webhook_id;
use super::webhook::belongs;
use super::{NAME, answer};

pub(super) async fn run(
    State(room): State<Room>,
    path: Result<RawPathParams, RawPathParamsRejection>,
    headers: HeaderMap,
) -> Response {
    answer::silent(delete(&room, path, &headers).await)
}

async fn delete(
    room: &Room,
    path: Result<RawPathParams, RawPathParamsRejection>,
    headers: &HeaderMap,
) -> Result<(), Failure> {
    let Room { desk, group } = room;
    let scope = desk.enter(headers)?;
    let fanfare = &desk.door.fanfare;
    let id = webhook_id(path)?;
    // A webhook never changes its group, so what is seen here holds for the removal.
    let endpoint = fanfare.external(&scope, NAME, &id).await?.noun;
    if !belongs(&endpoint, group) {
        return Err(Failure::Webhook);
    }
    fanfare.delete_external(&scope, NAME, &id).await?;
    Ok(())
}
