//! One node of Fanfare, put together: store, engine, use cases, and what runs beside them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use fanfare_app::directory::Directory;
use fanfare_app::format::{Formats, NativeFormat};
use fanfare_app::port::coordination::OneNode;
use fanfare_app::port::{Coordination, Dispatch, Sender};
use fanfare_app::{Fanfare, Ports};
use fanfare_delivery::{Engine, EngineOptions, EngineParts};
use fanfare_store_postgres::Member;
use tokio::task::AbortHandle;

use crate::clock::SystemClock;
use crate::config::Settings;
use crate::metrics::CommitMetrics;
use crate::random::SystemRandom;
use crate::store::Store;
use no_engine::NoEngine;

mod background;
pub(crate) mod dialects;
mod lease;
mod network;
pub(crate) mod no_engine;
mod sharing;

/// A node that has taken up its work.
pub(crate) struct Node {
    fanfare: Arc<Fanfare>,
    /// None where sending is left to other nodes.
    engine: Option<Arc<Engine>>,
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
        let store = Store::open(settings).await?;
        store.observe(CommitMetrics::new());
        let directory = directory(settings);
        let member = store.shared().and_then(|shared| shared.member.clone());
        if let Some(shared) = store.shared() {
            let placement = sharing::ByDirectory(Arc::clone(&directory));
            shared.store.place_by(Arc::new(placement));
        }
        let sender = network::sender(settings, member.clone())?;
        let engine = settings.node.roles.deliver().then(|| {
            let coordination: Arc<dyn Coordination> = match &member {
                Some(member) => Arc::<Member>::clone(member),
                None => Arc::new(OneNode),
            };
            let (directory, sender) = (Arc::clone(&directory), Arc::clone(&sender));
            Arc::new(engine(settings, directory, &store, coordination, sender))
        });
        let dispatch: Arc<dyn Dispatch> = match &engine {
            Some(engine) => Arc::<Engine>::clone(engine),
            None => Arc::new(NoEngine),
        };
        let ports = Ports {
            configuration: store.configuration(),
            log: store.log(),
            deliveries: store.deliveries(),
            dispatch,
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
        let mut counted = None;
        loop {
            let context = "what waits can't be counted from the store";
            counted = fanfare.count_waiting(counted).await.context(context)?;
            if counted.is_none() {
                break;
            }
        }
        if let Some(engine) = &engine {
            engine
                .start(&fanfare)
                .await
                .context("unfinished work can't be read from the store")?;
        }
        let mut background = background::start(&fanfare, settings.retention);
        if let Some(shared) = store.shared() {
            background.extend(sharing::start(&fanfare, shared, engine.is_some()));
        }
        // What runs over all nodes' deliveries, and takes what is told into memory.
        if engine.is_some() {
            background.push(match member {
                Some(member) => {
                    let fanfare = Arc::clone(&fanfare);
                    let jobs = async move { fanfare.run_jobs_while(|| member.is_first()).await };
                    tokio::spawn(jobs).abort_handle()
                }
                None => background::run_jobs(&fanfare),
            });
        }
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

    /// Waits until others have declared this node gone; for ever where there is but one.
    pub(crate) async fn lost(&self) {
        let member = self
            .store
            .shared()
            .and_then(|shared| shared.member.as_ref());
        match member {
            Some(member) => member.lost().await,
            None => std::future::pending().await,
        }
    }

    /// Ends: what is under way has until `limit`, then the store is closed.
    pub(crate) async fn stop(self, limit: Duration) {
        for task in &self.background {
            task.abort();
        }
        if let Some(engine) = &self.engine {
            engine.shutdown(limit).await;
        }
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

/// The engine, not yet going.
fn engine(
    settings: &Settings,
    directory: Arc<Directory>,
    store: &Store,
    coordination: Arc<dyn Coordination>,
    sender: Arc<dyn Sender>,
) -> Engine {
    let default = EngineOptions::default();
    Engine::new(EngineParts {
        directory,
        log: store.log(),
        deliveries: store.deliveries(),
        coordination,
        sender,
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        options: EngineOptions {
            lane_queue: settings.lanes.deliveries,
            lane_concurrency_start: default.lane_concurrency_start.min(settings.lanes.requests),
            lane_concurrency_most: settings.lanes.requests,
            requests_in_all: settings.lanes.requests_in_all,
            requests_reserved: settings.lanes.requests_reserved,
            memory_bytes: settings.lanes.event_memory,
            ..default
        },
    })
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
