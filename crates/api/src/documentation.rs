//! `/openapi.json`, and a page that shows it without any outside host.

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use utoipa::openapi::OpenApi;

/// The page's own files and nothing else: no outside host, no script in the page, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE: &str = include_str!("documentation/page.html");
const STYLE: &str = include_str!("documentation/page.css");
const SCRIPTS: [(&str, &str); 3] = [
    ("/docs/page.js", include_str!("documentation/page.js")),
    ("/docs/schema.js", include_str!("documentation/schema.js")),
    (
        "/docs/elements.js",
        include_str!("documentation/elements.js"),
    ),
];

/// The routes of the document and its page.
pub(crate) fn routes(document: &OpenApi) -> Router {
    let json = Bytes::from(serde_json::to_vec(document).unwrap_or_default());
    let router = Router::new()
        .route(
            "/openapi.json",
            get(|| async { file("application/json", json) }),
        )
        .route(
            "/docs",
            get(|| async { file("text/html; charset=utf-8", PAGE) }),
        )
        .route(
            "/docs/page.css",
            get(|| async { file("text/css; charset=utf-8", STYLE) }),
        );
    SCRIPTS.into_iter().fold(router, |router, (path, script)| {
        let script = move || async move { file("text/javascript; charset=utf-8", script) };
        router.route(path, get(script))
    })
}

fn file(kind: &'static str, content: impl IntoResponse) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        // Small, and changes with the binary.
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, content)
}
