//! How answers look: JSON, with a request id in a header, and in the body of errors.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

use super::desk::Desk;
use super::failure::{Failure, Told};
use crate::signing::hex;

#[derive(Serialize)]
struct Refusal {
    error: Told,
    request_id: String,
}

impl Desk {
    /// The answer of an operation.
    pub(super) fn answer(&self, outcome: Result<impl Serialize, Failure>) -> Response {
        let request_id = format!("req-{}", hex(&self.door.fanfare.chance()[..6]));
        let request_header = HeaderValue::try_from(request_id.as_str()).ok();
        let (status, body) = match outcome.map(|shown| serde_json::to_vec(&shown)) {
            Ok(Ok(body)) => (StatusCode::OK, body),
            Ok(Err(_)) => refusal(Failure::Internal, request_id),
            Err(failure) => refusal(failure, request_id),
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        if let Some(id) = request_header {
            headers.insert(HeaderName::from_static("x-request-id"), id);
        }
        response
    }
}

fn refusal(failure: Failure, request_id: String) -> (StatusCode, Vec<u8>) {
    let (status, error) = failure.told();
    let body = serde_json::to_vec(&Refusal { error, request_id });
    (status, body.unwrap_or_default())
}

/// For unknown paths, and wrong methods on known ones.
pub(super) async fn no_such_route(State(desk): State<Arc<Desk>>) -> Response {
    desk.answer(Err::<(), _>(Failure::Route))
}
