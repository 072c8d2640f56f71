//! How answers look: JSON always.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use super::failure::Failure;

/// The answer of an operation.
pub(super) fn answer(outcome: Result<impl Serialize, Failure>) -> Response {
    match outcome.map(|shown| serde_json::to_vec(&shown)) {
        Ok(Ok(body)) => json(StatusCode::OK, body),
        Ok(Err(_)) => refusal(&Failure::Internal),
        Err(failure) => refusal(&failure),
    }
}

fn refusal(failure: &Failure) -> Response {
    let (status, told) = failure.told();
    json(status, serde_json::to_vec(&told).unwrap_or_default())
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

/// For unknown paths, and wrong methods on known ones.
pub(super) async fn no_such_route() -> Response {
    refusal(&Failure::NotFound)
}
