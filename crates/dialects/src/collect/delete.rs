//! `DELETE /webhooks/{webhookId}`, which the original's pages do not have.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;

use super::NAME;
use super::answer::answer;
use super::desk::Desk;
use super::failure::Failure;
use super::webhook::Shown;

pub(super) async fn run(
    State(desk): State<Arc<Desk>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    answer(delete(&desk, id, &headers).await)
}

async fn delete(
    desk: &Desk,
    id: Result<Path<String>, PathRejection>,
    headers: &HeaderMap,
) -> Result<Shown, Failure> {
    let scope = desk.enter(headers)?;
    let Path(id) = id.map_err(|_| Failure::NotFound)?;
    let deleted = desk.door.fanfare.delete_external(&scope, NAME, &id).await?;
    Ok(desk.shown(&deleted))
}
