//! `GET webhook.list`: the names of the events that there are.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde::Serialize;

use super::desk::Desk;
use super::failure::Failure;

#[derive(Serialize)]
struct List<'a> {
    data: &'a [String],
}

pub(super) async fn run(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    desk.answer(list(&desk, &headers))
}

fn list<'a>(desk: &'a Desk, headers: &HeaderMap) -> Result<List<'a>, Failure> {
    desk.enter(headers)?;
    Ok(List { data: &desk.events })
}
