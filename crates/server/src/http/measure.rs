//! Counts requests.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use axum::routing::Route;
use metrics::{Counter, counter};
use parking_lot::RwLock;
use tower_layer::layer_fn;
use tower_service::Service;

/// Counts the requests to a router by method, route and status.
pub(crate) fn layer(router: Router) -> Router {
    let counters = Arc::<Counters>::default();
    router.layer(layer_fn(move |routes| Counted {
        routes,
        counters: Arc::clone(&counters),
    }))
}

/// The counters that were asked for, so that a request looks none up by its labels.
///
/// There are as many as methods, routes and statuses that occurred together: some dozens. None of
/// these is a client's to make up.
#[derive(Default)]
struct Counters(RwLock<Vec<(Seen, Counter)>>);

/// What a request is counted by.
#[derive(Clone)]
struct Seen {
    method: &'static str,
    /// The route, not the path, since paths have no bound.
    route: Option<MatchedPath>,
    status: u16,
}

impl Seen {
    fn route(&self) -> &str {
        self.route.as_ref().map_or("none", MatchedPath::as_str)
    }

    fn is_as(&self, other: &Self) -> bool {
        self.status == other.status && self.method == other.method && self.route() == other.route()
    }
}

impl Counters {
    fn count(&self, seen: &Seen) {
        let known = self.0.read();
        if let Some((_, counter)) = known.iter().find(|(each, _)| each.is_as(seen)) {
            counter.increment(1);
            return;
        }
        drop(known);
        let counter = counter!(
            "fanfare_http_requests_total",
            "method" => seen.method,
            "route" => seen.route().to_owned(),
            "status" => seen.status.to_string()
        );
        counter.increment(1);
        let mut known = self.0.write();
        // Another one may have made it meanwhile; the same labels are the same counter.
        if !known.iter().any(|(each, _)| each.is_as(seen)) {
            known.push((seen.clone(), counter));
        }
    }
}

#[derive(Clone)]
struct Counted {
    routes: Route,
    counters: Arc<Counters>,
}

impl Service<Request> for Counted {
    type Response = Response;
    type Error = Infallible;
    type Future = Counting<<Route as Service<Request>>::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request>::poll_ready(&mut self.routes, context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        Counting {
            method: method(request.method()),
            route: request.extensions().get::<MatchedPath>().cloned(),
            answer: self.routes.call(request),
            counters: Arc::clone(&self.counters),
        }
    }
}

struct Counting<F> {
    method: &'static str,
    route: Option<MatchedPath>,
    answer: F,
    counters: Arc<Counters>,
}

impl<F> Future for Counting<F>
where
    F: Future<Output = Result<Response, Infallible>> + Unpin,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Poll::Ready(answer) = Pin::new(&mut self.answer).poll(context) else {
            return Poll::Pending;
        };
        let Ok(response) = answer;
        let seen = Seen {
            method: self.method,
            route: self.route.take(),
            status: response.status().as_u16(),
        };
        tracing::debug!(
            http.method = seen.method,
            http.route = seen.route(),
            http.status = seen.status,
            "answered"
        );
        self.counters.count(&seen);
        Poll::Ready(Ok(response))
    }
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
