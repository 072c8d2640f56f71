//! From a request to its answer.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderValue, Method, header};

use super::call::{Answer, Call};
use super::desk::Desk;
use super::failure::Failure;
use super::operations::{self, Access, Found, Operation};
use super::query::Query;
use super::{PREFIX, cors, idempotency};

/// All routes. The paths are looked up in the table of operations: the original takes any number of
/// slashes at their ends, which no router does.
pub(super) fn router(desk: Arc<Desk>) -> Router {
    Router::new().fallback(answer).with_state(desk)
}

async fn answer(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    if let Some(response) = cors::preflight(request.method(), request.headers()) {
        return response;
    }
    let method = request.method().clone();
    let (answer, allow) = match run(desk, request).await {
        Ok(answer) => (answer, None),
        Err(failure) => {
            let allow = match &failure {
                Failure::Method(allowed) => HeaderValue::from_str(allowed).ok(),
                _ => None,
            };
            (Answer::from(failure), allow)
        }
    };
    let mut response = answer.response();
    if let Some(allow) = allow {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    if response.status() == http::StatusCode::SERVICE_UNAVAILABLE {
        let again = HeaderValue::from_static("1");
        response.headers_mut().insert(header::RETRY_AFTER, again);
    }
    if method == Method::HEAD {
        *response.body_mut() = axum::body::Body::empty();
    }
    cors::open(&mut response);
    response
}

async fn run(desk: Arc<Desk>, request: Request) -> Result<Answer, Failure> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let path = path.strip_prefix(PREFIX).unwrap_or(path);
    let (operation, parameters) = match operations::find(&parts.method, path.trim_end_matches('/'))
    {
        Found::Operation(operation, parameters) => (operation, parameters),
        Found::Method(methods) => return Err(Failure::Method(methods.join(","))),
        Found::Nothing => return Err(Failure::not_found()),
    };
    let who = match operation.access {
        Access::Anybody => desk.enter(&parts.headers).await.ok(),
        _ => Some(desk.enter(&parts.headers).await?),
    };
    let call = Call {
        body: desk.door.read(body).await?,
        target: target(&parts.uri),
        query: Query::read(parts.uri.query().unwrap_or_default()),
        headers: parts.headers,
        desk,
        who,
        parameters,
    };
    permitted(operation, &call)?;
    idempotency::answered_once(operation, &call).await
}

/// Checks that the caller may call this.
fn permitted(operation: &Operation, call: &Call) -> Result<(), Failure> {
    if operation.access == Access::Anybody {
        return Ok(());
    }
    let who = call.who()?;
    if operation.access == Access::Organisation && who.application.is_some() {
        return Err(Failure::forbidden(
            "a token for one application may not do this",
        ));
    }
    who.may(operation.right)
}

fn target(uri: &http::Uri) -> String {
    uri.path_and_query()
        .map(|target| target.as_str().to_owned())
        .unwrap_or_default()
}
