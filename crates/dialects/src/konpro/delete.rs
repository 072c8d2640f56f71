//! `DELETE endpoint.delete`.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::HeaderMap;
use serde::Serialize;
use serde_json::Value;

use super::desk::Desk;
use super::endpoint::seconds;
use super::failure::Failure;
use super::{NAME, fields};

#[derive(Serialize)]
struct Deleted {
    endpoint_id: String,
    status: &'static str,
    message: &'static str,
    deleted_at: String,
}

pub(super) async fn run(
    State(desk): State<Arc<Desk>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    desk.answer(delete(&desk, query.as_deref(), &headers).await)
}

async fn delete(desk: &Desk, query: Option<&str>, headers: &HeaderMap) -> Result<Deleted, Failure> {
    let scope = desk.enter(headers)?;
    let given = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .find(|(name, _)| name == "endpoint_id")
        .map(|(_, id)| Value::String(id.into_owned()));
    let id = fields::endpoint_id(given.as_ref())?;
    let fanfare = &desk.door.fanfare;
    fanfare.delete_external(&scope, NAME, id).await?;
    Ok(Deleted {
        endpoint_id: id.to_owned(),
        status: "deleted",
        message: "Webhook endpoint successfully deleted",
        deleted_at: seconds(fanfare.ports().clock.now()),
    })
}
