//! Which requests belong to which dialect.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::response::Response;
use axum::routing::future::RouteFuture;
use http::uri::PathAndQuery;
use http::{Request, Uri, header};
use tower_service::Service;

/// A dialect's routes, and where they are served.
pub struct Binding {
    /// Where the original's paths begin, see [`crate::Dialect::prefixes`].
    pub prefixes: &'static [&'static str],
    /// The routes.
    pub routes: Router,
    /// Serves this host name only, and there every path.
    pub host: Option<String>,
    /// Serves the original's paths below this one, `/fullstory`.
    pub below: Option<String>,
}

/// Dialects in front of the native API: a request belongs to the dialect with the longest matching
/// prefix, else to the native API, and so do its 404 and 405.
///
/// No router of its own: that would box each request's future twice more, and every event passes here.
#[derive(Clone)]
pub struct Doors {
    bindings: Arc<[Binding]>,
    native: Router,
}

impl Doors {
    /// These dialects, or none, before the native API.
    #[must_use]
    pub fn new(bindings: Vec<Binding>, native: Router) -> Self {
        Self {
            bindings: bindings.into(),
            native,
        }
    }

    /// Whose routes a request is for.
    fn binding<B>(&self, request: &Request<B>) -> Option<&Binding> {
        let host = request
            .headers()
            .get(header::HOST)
            .and_then(|value| value.to_str().ok());
        let host = host.or_else(|| request.uri().host());
        let path = request.uri().path();
        self.bindings
            .iter()
            .filter_map(|binding| binding.matches(host, path).map(|length| (length, binding)))
            .max_by_key(|(length, _)| *length)
            .map(|(_, binding)| binding)
    }
}

impl Binding {
    /// How much of a request's path is this dialect's prefix; none: the request is not its.
    fn matches(&self, host: Option<&str>, path: &str) -> Option<usize> {
        if let Some(wanted) = &self.host {
            let name = host.map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name))?;
            return name.eq_ignore_ascii_case(wanted).then_some(usize::MAX);
        }
        let rest = match &self.below {
            Some(below) => path.strip_prefix(below.as_str())?,
            None => path,
        };
        let within = |prefix: &str| {
            rest.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let longest = self
            .prefixes
            .iter()
            .filter(|prefix| within(prefix))
            .map(|prefix| prefix.len())
            .max()?;
        Some(longest + path.len() - rest.len())
    }
}

impl<B> Service<Request<B>> for Doors
where
    Router: Service<
            Request<B>,
            Response = Response,
            Error = Infallible,
            Future = RouteFuture<Infallible>,
        >,
{
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let Some(binding) = self.binding(&request) else {
            return self.native.call(request);
        };
        if let Some(below) = &binding.below
            && let Some(uri) = without(request.uri(), below)
        {
            *request.uri_mut() = uri;
        }
        binding.routes.clone().call(request)
    }
}

/// The address without the part of its path that only says which dialect is meant.
fn without(uri: &Uri, below: &str) -> Option<Uri> {
    let rest = uri.path_and_query()?.as_str().strip_prefix(below)?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(rest.parse::<PathAndQuery>().ok()?);
    Uri::from_parts(parts).ok()
}
