//! What a node does beside its own work where several share a store: it takes over what others leave,
//! and takes in what they change.

use std::sync::Arc;
use std::time::Duration;

use fanfare_app::Fanfare;
use fanfare_app::directory::Directory;
use fanfare_app::port::StoreError;
use fanfare_domain::id::EndpointId;
use fanfare_domain::name::EventTypeName;
use fanfare_store_postgres::{Member, Placement};
use tokio::task::AbortHandle;

use crate::store::Shared;

/// How often it is looked for work that others left, should hints be lost.
const LOOK: Duration = Duration::from_millis(500);

/// Endpoints as the configuration in memory has them.
pub(super) struct ByDirectory(pub(super) Arc<Directory>);

impl Placement for ByDirectory {
    fn one_at_a_time(&self, endpoint: EndpointId) -> bool {
        let target = self.0.target(endpoint);
        target.is_some_and(|target| target.endpoint.served_by_one())
    }

    fn first_wait(&self, endpoint: EndpointId, event_type: &str) -> Duration {
        let (target, name) = (self.0.target(endpoint), EventTypeName::parse(event_type));
        let (Some(target), Ok(name)) = (target, name) else {
            return Duration::ZERO;
        };
        target.policy_of(&name).schedule.wait(1).unwrap_or_default()
    }
}

/// Begins; ends when the handles are aborted.
pub(super) fn start(
    fanfare: &Arc<Fanfare>,
    shared: &Arc<Shared>,
    delivers: bool,
) -> Vec<AbortHandle> {
    let mut tasks =
        vec![tokio::spawn(take_in(Arc::clone(fanfare), Arc::clone(shared))).abort_handle()];
    if delivers {
        let taking_over = take_over(Arc::clone(fanfare), Arc::clone(shared));
        tasks.push(tokio::spawn(taking_over).abort_handle());
        if let Some(member) = &shared.member {
            let looking =
                look_for_owned(Arc::clone(fanfare), Arc::clone(shared), Arc::clone(member));
            tasks.push(tokio::spawn(looking).abort_handle());
        }
    }
    tasks
}

/// The configuration, as soon as somebody says that it changed. It is looked for as well.
async fn take_in(fanfare: Arc<Fanfare>, shared: Arc<Shared>) {
    loop {
        shared.store.told_of_changes().await;
        // One that fails says so in the periodic look.
        let _ = fanfare.refresh().await;
    }
}

async fn take_over(fanfare: Arc<Fanfare>, shared: Arc<Shared>) {
    let mut failing = false;
    loop {
        match take_over_all(&fanfare, &shared).await {
            Ok(()) => failing = false,
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "what other nodes left can't be taken over yet"
                );
            }
            Err(_) => {}
        }
        let _ = tokio::time::timeout(LOOK, shared.store.told_of_work()).await;
    }
}

/// What waits for endpoints that this node serves alone, or should: when members come and go, and should hints
/// be lost.
async fn look_for_owned(fanfare: Arc<Fanfare>, shared: Arc<Shared>, member: Arc<Member>) {
    let ports = fanfare.ports();
    let look = async || {
        let lanes = shared.store.look_for_owned().await?;
        if !lanes.is_empty() {
            fanfare.refresh().await?;
        }
        Ok::<_, StoreError>(lanes)
    };
    loop {
        match look().await {
            Ok(lanes) => {
                for lane in lanes {
                    match lane.in_turn {
                        true => ports.dispatch.left(lane.endpoint, None),
                        false => ports.dispatch.due(lane.endpoint, lane.next),
                    }
                }
            }
            Err(error) => tracing::debug!(
                error = &error as &dyn std::error::Error,
                "what waits for this node's own endpoints can't be looked for yet"
            ),
        }
        let _ = tokio::time::timeout(member.detection(), member.members_change()).await;
    }
}

/// What others accepted may be for an endpoint that was made, or enabled, a moment ago, and not be known of here
/// yet. It would be discarded. So the configuration is read between finding work and beginning with it: it was
/// committed before.
async fn take_over_all(fanfare: &Fanfare, shared: &Shared) -> Result<(), StoreError> {
    let ports = fanfare.ports();
    let told = shared.store.told_of_endpoints();
    // Also for the waits before first attempts, which are reckoned when work is taken over.
    fanfare.refresh().await?;
    for (endpoint, strand) in told {
        ports.dispatch.left(endpoint, strand);
    }
    for (endpoint, news) in shared.store.told_of_breakers() {
        ports.dispatch.breaker_elsewhere(endpoint, news);
    }
    fanfare.grant_wishes().await?;
    loop {
        let (due, more) = shared.store.take_over().await?;
        if !due.is_empty() {
            fanfare.refresh().await?;
        }
        for (endpoint, at) in due {
            ports.dispatch.due(endpoint, at);
        }
        if !more {
            return Ok(());
        }
    }
}
