//! `DELETE /endpoints/{id}`.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use serde::Serialize;

use super::NAME;
use super::answer::answer;
use super::desk::Desk;
use super::failure::Failure;

/// `{}`.
#[derive(Serialize)]
struct Deleted {}

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
) -> Result<Deleted, Failure> {
    let scope = desk.enter(headers, "delete endpoint")?;
    let Path(id) = id.map_err(|_| Failure::NotFound)?;
    desk.door.fanfare.delete_external(&scope, NAME, &id).await?;
    Ok(Deleted {})
}
