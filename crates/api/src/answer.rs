//! Answers that several operations give.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{HeaderValue, LOCATION};
use serde::Serialize;

/// 201, with where the new thing is.
pub(crate) fn created(location: &str, view: impl Serialize) -> Response {
    let mut response = (StatusCode::CREATED, axum::Json(view)).into_response();
    // The parts of a path that the server made or checked are plain; nothing else gets here.
    if let Ok(value) = HeaderValue::from_str(location) {
        response.headers_mut().insert(LOCATION, value);
    }
    response
}
