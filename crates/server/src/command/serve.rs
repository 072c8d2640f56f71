//! `fanfare serve`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use fanfare_api::ApiOptions;
use fanfare_dialects::{Binding, Doors};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::print;
use crate::config::{Loaded, Settings};
use crate::http::{self, operator::Readiness};
use crate::node::{Node, Started, dialects};
use crate::shutdown::Signals;
use crate::{logging, metrics, process};

pub(super) fn run(loaded: Loaded) -> anyhow::Result<()> {
    let Loaded { settings, warnings } = loaded;
    logging::start(&settings.log)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    runtime(&settings)?.block_on(serve(settings))
}

/// A runtime for serving.
pub(super) fn runtime(settings: &Settings) -> anyhow::Result<tokio::runtime::Runtime> {
    process::allow_many_files();
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = settings.worker_threads {
        builder.worker_threads(threads);
    }
    builder
        .enable_all()
        .build()
        .context("the runtime can't be started")
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    // Before the store is touched, so that a second start beside the first changes nothing.
    let listener = http::listen(settings.listen).await?;
    let server = tokio::select! {
        server = Server::start(&settings, listener) => server?,
        () = signals.asked() => return Ok(()),
    };
    tokio::select! {
        () = signals.asked() => {}
        () = server.node.lost() => return Err(process::begin_anew()),
    }
    signals.at_once_when_asked_again();
    server.stop().await;
    Ok(())
}

/// A node with its API open.
pub(super) struct Server {
    node: Node,
    readiness: Readiness,
    stop: CancellationToken,
    connections: JoinHandle<()>,
    upkeep: JoinHandle<()>,
    limit: Duration,
}

impl Server {
    /// Starts the node, then serves.
    pub(super) async fn start(settings: &Settings, listener: TcpListener) -> anyhow::Result<Self> {
        let handle = metrics::start()?;
        let Started { node, fresh_key } = Node::start(settings).await?;
        let address = listener.local_addr()?;
        if let Some(key) = &fresh_key {
            print(format_args!(
                "The administrator's key, which is shown this once: {key}\n\
                 Try it: curl -H 'Authorization: Bearer {key}' http://{address}/v1/environments"
            ))?;
        }
        let readiness = Readiness::default();
        let options = ApiOptions {
            body_time: settings.clients.body_timeout,
            ..ApiOptions::default()
        };
        let deliveries = Arc::clone(&node.fanfare().ports().deliveries);
        let operators = http::operator::router(readiness.clone(), deliveries, handle.clone());
        let (mut routes, mut bindings) = (operators, Vec::new());
        if settings.node.roles.serve() {
            let dialects = dialects::routes(settings, node.fanfare());
            routes = fanfare_api::router(Arc::clone(node.fanfare()), options)
                .merge(routes)
                .merge(dialects.documents);
            bindings = dialects.bindings;
        }
        let routes = routes.method_not_allowed_fallback(fanfare_api::no_such_method);
        let bindings = bindings.into_iter().map(|binding| Binding {
            routes: http::measured(binding.routes),
            ..binding
        });
        let doors = Doors::new(bindings.collect(), http::measured(routes));
        let stop = CancellationToken::new();
        let connections = tokio::spawn(http::serve(
            listener,
            doors,
            settings.clients,
            stop.clone(),
            settings.shutdown_limit,
        ));
        let upkeep = tokio::spawn(upkeep(handle));
        readiness.set(true);
        tracing::info!(server.address = %address, version = env!("CARGO_PKG_VERSION"), "serving");
        Ok(Self {
            node,
            readiness,
            stop,
            connections,
            upkeep,
            limit: settings.shutdown_limit,
        })
    }

    /// Says that it is not ready, finishes what is under way within the limit, closes the store.
    pub(super) async fn stop(self) {
        let began = Instant::now();
        tracing::info!("stopping");
        self.readiness.set(false);
        self.stop.cancel();
        let _ = self.connections.await;
        self.upkeep.abort();
        let left = self.limit.saturating_sub(began.elapsed());
        self.node.stop(left).await;
        tracing::info!("stopped");
    }
}

/// Moves what was counted into its buckets: between two runs, the exporter keeps each single value.
async fn upkeep(handle: PrometheusHandle) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    loop {
        ticks.tick().await;
        handle.run_upkeep();
    }
}
