//! `GET /event-types`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde::Serialize;

use super::answer::answer;
use super::desk::Desk;
use super::failure::Failure;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List {
    event_defs: Vec<EventDef>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventDef {
    event_name: String,
    display_name: String,
    has_subcategories: bool,
}

pub(super) async fn run(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    answer(list(&desk, &headers))
}

fn list(desk: &Desk, headers: &HeaderMap) -> Result<List, Failure> {
    let scope = desk.enter(headers, "list event types")?;
    let directory = desk.door.fanfare.directory();
    let shown = desk.events.iter().map(|known| EventDef {
        event_name: known.name.to_string(),
        display_name: known.display_name.clone(),
        has_subcategories: known.has_subcategories(&known.listed(directory, &scope)),
    });
    Ok(List {
        event_defs: shown.collect(),
    })
}
