//! How answers look.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use super::failure::Failure;

/// `{"data": …}`.
#[derive(Serialize)]
struct Data<T> {
    data: T,
}

/// An error's members, in the original's order.
#[derive(Serialize)]
struct Refusal<'a, M> {
    message: M,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(rename = "statusCode")]
    status_code: u16,
}

const TOO_MANY: &str = "<!DOCTYPE html>\n<html>\n<head><title>429</title></head>\n\
    <body><h1>429 Too Many Requests</h1></body>\n</html>\n";

/// The answer of an operation that shows something: 201, as everywhere in this contract.
pub(super) fn shown(outcome: Result<impl Serialize, Failure>) -> Response {
    match outcome.map(|data| serde_json::to_vec(&Data { data })) {
        Ok(Ok(body)) => json(StatusCode::CREATED, body),
        Ok(Err(_)) => refused(Failure::Internal),
        Err(failure) => refused(failure),
    }
}

/// The answer of an operation that shows nothing: 201 without a body.
pub(super) fn silent(outcome: Result<(), Failure>) -> Response {
    match outcome {
        Ok(()) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::CREATED;
            response
                .headers_mut()
                .insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
            response
        }
        Err(failure) => refused(failure),
    }
}

/// For unknown paths, and wrong methods on known ones.
pub(super) async fn no_such_route() -> Response {
    refused(Failure::Route)
}

fn refused(failure: Failure) -> Response {
    use StatusCode as Is;
    match failure {
        Failure::Messages(list) => refusal(Is::BAD_REQUEST, list, Some("Bad Request")),
        Failure::Unauthorized => refusal(Is::UNAUTHORIZED, "Unauthorized", None),
        Failure::Forbidden => refusal(Is::FORBIDDEN, "Forbidden Resource", Some("Forbidden")),
        Failure::Webhook => refusal(Is::NOT_FOUND, "Webhook not found", Some("Not Found")),
        Failure::Route => refusal(Is::NOT_FOUND, "Not Found", Some("Not Found")),
        Failure::TooLarge => refusal(
            Is::PAYLOAD_TOO_LARGE,
            "request entity too large",
            Some("Payload Too Large"),
        ),
        Failure::TooMany => {
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            with_type(Is::TOO_MANY_REQUESTS, html, Body::from(TOO_MANY))
        }
        Failure::Internal => refusal(Is::INTERNAL_SERVER_ERROR, "Internal server error", None),
        Failure::Unavailable => refusal(Is::SERVICE_UNAVAILABLE, "Service Unavailable", None),
    }
}

fn refusal(status: StatusCode, message: impl Serialize, error: Option<&str>) -> Response {
    let body = serde_json::to_vec(&Refusal {
        message,
        error,
        status_code: status.as_u16(),
    });
    json(status, body.unwrap_or_default())
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    with_type(status, json, Body::from(body))
}

fn with_type(status: StatusCode, content_type: HeaderValue, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}
