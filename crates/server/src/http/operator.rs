//! The routes for operators: health and metrics. They need no key and tell nothing of tenants.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use fanfare_app::port::Deliveries;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use metrics_exporter_prometheus::PrometheusHandle;

/// How long the store may take to answer a question after its health.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether this node takes requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Says whether it does from now on.
    pub(crate) fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::SeqCst);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

#[derive(Clone)]
struct Operator {
    readiness: Readiness,
    deliveries: Arc<dyn Deliveries>,
    metrics: PrometheusHandle,
}

/// The routes.
pub(crate) fn router(
    readiness: Readiness,
    deliveries: Arc<dyn Deliveries>,
    metrics: PrometheusHandle,
) -> Router {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/metrics", get(render))
        .with_state(Operator {
            readiness,
            deliveries,
            metrics,
        })
}

async fn live() -> &'static str {
    "live\n"
}

async fn ready(State(operator): State<Operator>) -> (StatusCode, &'static str) {
    if !operator.readiness.get() {
        return (StatusCode::SERVICE_UNAVAILABLE, "not serving\n");
    }
    let asked = tokio::time::timeout(PATIENCE, operator.deliveries.materialised());
    match asked.await {
        Ok(Ok(_)) => (StatusCode::OK, "ready\n"),
        Ok(Err(_)) | Err(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the store does not answer\n",
        ),
    }
}

async fn render(State(operator): State<Operator>) -> impl IntoResponse {
    let header = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (header, operator.metrics.render())
}
