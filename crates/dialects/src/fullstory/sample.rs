//! `GET /event-types/{event_name}/sample`: what a delivery of an event looks like.
//!
//! The original has such an operation, whose path is not known; this one is ours.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::HeaderMap;
use serde::Serialize;
use serde_json::Value;

use super::answer::answer;
use super::desk::Desk;
use super::failure::Failure;
use super::format::VERSION;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sample {
    event_name: String,
    version: u32,
    data: Value,
}

pub(super) async fn run(
    State(desk): State<Arc<Desk>>,
    name: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    answer(sample(&desk, name, query.as_deref(), &headers))
}

fn sample(
    desk: &Desk,
    name: Result<Path<String>, PathRejection>,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Sample, Failure> {
    let scope = desk.enter(headers, "get sample data")?;
    let Path(name) = name.map_err(|_| Failure::NotFound)?;
    let known = desk.events.find(&name).ok_or(Failure::NotFound)?;
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if name == "version" {
            let version: i64 = value
                .parse()
                .map_err(|_| Failure::field("version must be a number"))?;
            if version != i64::from(VERSION) {
                return Err(Failure::NotFound);
            }
        }
    }
    let route = desk.door.fanfare.directory().route(&scope, &name);
    let example = route
        .event_type
        .and_then(|known| known.event_type.example.clone());
    Ok(Sample {
        event_name: known.name.to_string(),
        version: VERSION,
        data: example
            .or_else(|| known.sample.clone())
            .unwrap_or_else(|| Value::Object(Default::default())),
    })
}
