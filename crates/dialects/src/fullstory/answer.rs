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
        Ok(Err(_)) => refusal(&Failure::Server),
        Err(failure) => refusal(&failure),
    }
}

fn refusal(failure: &Failure) -> Response {
    let (status, told) = failure.told();
    let mut response = json(status, serde_json::to_vec(&told).unwrap_or_default());
    if let Failure::TooMany { retry_after } = failure {
        // Whole seconds, and not too early.
        let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
        let value = HeaderValue::from(seconds.max(1));
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
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

/// For unknown paths.
pub(super) async fn no_such_route() -> Response {
    refusal(&Failure::NotFound)
}

/// For wrong methods on known paths; the router adds `Allow`.
pub(super) async fn no_such_method() -> Response {
    refusal(&Failure::Method)
}
