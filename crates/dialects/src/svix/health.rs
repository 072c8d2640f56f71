//! Health, and what else is asked about the server itself.

use bytes::Bytes;
use fanfare_app::port::configuration::{DocumentKey, Kind};
use http::StatusCode;
use serde_json::json;

use super::call::{Answer, Call};
use super::failure::Failure;

/// `GET /health`. Queue and cache are parts of the store here.
pub(super) async fn run(call: &Call) -> Result<Answer, Failure> {
    let key = DocumentKey {
        kind: Kind::Environment,
        environment: String::new(),
        tenant: String::new(),
        id: call.desk.door.environment().to_string(),
    };
    let read = call.fanfare().ports().configuration.get(&key).await;
    let (status, word) = match read {
        Ok(_) => (StatusCode::OK, "ok"),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "error"),
    };
    let part = json!({"status": word});
    let body = json!({"database": part, "queue": part, "cache": part});
    Ok(Answer::json(status, &body))
}

/// `GET /health/ping`.
pub(super) async fn ping(_: &Call) -> Result<Answer, Failure> {
    Ok(Answer::nothing())
}

/// `GET /openapi.json`.
pub(super) async fn document(_: &Call) -> Result<Answer, Failure> {
    Ok(Answer {
        status: StatusCode::OK,
        body: Some(Bytes::from_static(super::DOCUMENT.as_bytes())),
    })
}

/// `POST /admin/redrive-dlq`: nothing is ever left in a queue that would have to be taken up again.
pub(super) async fn redrive(_: &Call) -> Result<Answer, Failure> {
    Ok(Answer::nothing())
}
