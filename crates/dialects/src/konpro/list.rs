//! `GET endpoint.list`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde::Serialize;

use super::NAME;
use super::desk::Desk;
use super::endpoint::Shown;
use super::failure::Failure;

#[derive(Serialize)]
struct List {
    data: Vec<Shown>,
}

pub(super) async fn run(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    desk.answer(list(&desk, &headers).await)
}

async fn list(desk: &Desk, headers: &HeaderMap) -> Result<List, Failure> {
    let scope = desk.enter(headers)?;
    let endpoints = desk.door.fanfare.externals(&scope, NAME).await?;
    Ok(List {
        data: endpoints.iter().map(Shown::of).collect(),
    })
}
