//! Counts requests.

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use metrics::counter;

/// Counts the requests to a router by method, route and status.
pub(crate) fn layer(router: Router) -> Router {
    router.layer(from_fn(count))
}

async fn count(request: Request, next: Next) -> Response {
    let method = method(request.method());
    // The route, not the path, since paths have no bound.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = match &route {
        Some(path) => path.as_str().to_owned(),
        None => "none".to_owned(),
    };
    let status = response.status();
    tracing::debug!(
        http.method = method,
        http.route = route,
        http.status = status.as_u16(),
        "answered"
    );
    counter!(
        "fanfare_http_requests_total",
        "method" => method,
        "route" => route,
        "status" => status.as_str().to_owned()
    )
    .increment(1);
    response
}

/// A client may make methods up; those have no names here, so that they can't fill the memory.
fn method(method: &http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
