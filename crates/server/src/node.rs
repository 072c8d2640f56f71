//! One node of Fanfare, put together: store, engine, use cases, and what runs beside them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use fanfare_app::directory::Directory;
use fanfare_app::format::{Formats, NativeFormat};
use fanfare_app::{Fanfare, Ports};
use fanfare_delivery::{Engine, EngineOptions, EngineParts};
use tokio::task::AbortHandle;

use crate::clock::SystemClock;
use crate::config::Settings;
use crate::metrics::CommitMetrics;
use crate::random::SystemRandom;
use crate::store::Store;

mod background;
pub(crate) mod dialects;
mod network;

/// A node that has taken up its work.
pub(crate) struct Node {
    fanfare: Arc<Fanfare>,
    engine: Arc<Engine>,
    store: Store,
    background: Vec<AbortHandle>,
}

/// A node, and the administrator's key if this start made it.
pub(crate) struct Started {
    pub(crate) node: Node,
    pub(crate) fresh_key: Option<String>,
}

impl Node {
    /// Opens the store, takes up unfinished work, and begins with what runs in the background.
    ///
    /// # Errors
    /// When the store can't be opened or read, or a file of the settings can't be used.
    pub(crate) async fn start(settings: &Settings) -> anyhow::Result<Started> {
        let sender = network::sender(settings)?;
        let store = Store::open(settings).await?;
        store.observe(CommitMetrics::new());
        let directory = directory(settings);
        let engine = Arc::new(Engine::new(EngineParts {
            directory: Arc::clone(&directory),
            log: store.log(),
            deliveries: store.deliveries(),
            sender: Arc::clone(&sender),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            options: EngineOptions {
                lane_queue: settings.lanes.deliveries,
                lane_concurrency_start: EngineOptions::default()
                    .lane_concurrency_start
                    .min(settings.lanes.requests),
                lane_concurrency_most: settings.lanes.requests,
                requests_in_all: settings.lanes.requests_in_all,
                requests_reserved: settings.lanes.requests_reserved,
                memory_bytes: settings.lanes.event_memory,
                ..EngineOptions::default()
            },
        }));
        let ports = Ports {
            configuration: store.configuration(),
            log: store.log(),
            deliveries: store.deliveries(),
            dispatch: Arc::<Engine>::clone(&engine),
            sender,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        };
        let fanfare = Arc::new(Fanfare::new(
            ports,
            directory,
            settings.limits.clone(),
            settings.admin_key.as_deref(),
        ));
        fanfare
            .refresh()
            .await
            .context("the configuration can't be read from the store")?;
        fanfare.ensure_default_environment().await?;
        for served in &settings.dialects {
            fanfare
                .ensure_environment(served.environment.clone())
                .await?;
        }
        fanfare.begin_to_tell().await?;
        let fresh_key = match settings.admin_key {
            Some(_) => None,
            None => fanfare.ensure_administrator().await?,
        };
        fanfare.refresh().await?;
        fanfare
            .count_waiting()
            .await
            .context("what waits can't be counted from the store")?;
        engine
            .start(&fanfare)
            .await
            .context("unfinished work can't be read from the store")?;
        let background = background::start(&fanfare, settings.retention);
        let node = Self {
            fanfare,
            engine,
            store,
            background,
        };
        Ok(Started { node, fresh_key })
    }

    /// The use cases.
    pub(crate) fn fanfare(&self) -> &Arc<Fanfare> {
        &self.fanfare
    }

    /// Ends: what is under way has until `limit`, then the store is closed.
    pub(crate) async fn stop(self, limit: Duration) {
        for task in &self.background {
            task.abort();
        }
        self.engine.shutdown(limit).await;
        // What ended in the last moments; it is sent after the next start.
        let told = self.fanfare.announce_waiting();
        if !matches!(tokio::time::timeout(limit, told).await, Ok(Ok(()))) {
            tracing::warn!(
                "operational events of the last moments could not be stored and are lost"
            );
        }
        self.store.close().await;
    }
}

/// The configuration in memory, still empty.
pub(crate) fn directory(settings: &Settings) -> Arc<Directory> {
    let native = Arc::new(NativeFormat::new(settings.policy.clone()));
    let dialects = dialects::all(settings);
    let formats = dialects
        .iter()
        .map(|(_, dialect)| dialect.format())
        .collect();
    Arc::new(Directory::new(Formats::new(native, formats)))
}
