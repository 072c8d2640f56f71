//! What runs beside requests and deliveries: each is idempotent, and a run that fails is made up for
//! by the next.

use std::sync::Arc;
use std::time::Duration;

use fanfare_app::Fanfare;
use fanfare_app::retention::{Retention, Taken};
use metrics::gauge;
use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval};

/// How often what others changed in the configuration is taken in.
const REFRESH: Duration = Duration::from_secs(1);
/// How often what waits is measured.
const BACKLOG: Duration = Duration::from_secs(15);
/// How often what is past its time is taken.
const RETENTION: Duration = Duration::from_secs(10 * 60);

/// Begins; ends when the handles are aborted.
pub(super) fn start(fanfare: &Arc<Fanfare>, retention: Retention) -> Vec<AbortHandle> {
    vec![
        tokio::spawn(refresh(Arc::clone(fanfare))).abort_handle(),
        tokio::spawn(measure(Arc::clone(fanfare))).abort_handle(),
        tokio::spawn(retain(Arc::clone(fanfare), retention)).abort_handle(),
        tokio::spawn(announce(Arc::clone(fanfare))).abort_handle(),
    ]
}

/// Begins to run jobs.
pub(super) fn run_jobs(fanfare: &Arc<Fanfare>) -> AbortHandle {
    let fanfare = Arc::clone(fanfare);
    tokio::spawn(async move { fanfare.run_jobs().await }).abort_handle()
}

async fn refresh(fanfare: Arc<Fanfare>) {
    let mut ticks = interval(REFRESH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // A store that fails says so once, not every second.
    let mut failing = false;
    loop {
        ticks.tick().await;
        match fanfare.refresh().await {
            Ok(()) => failing = false,
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the configuration can't be read from the store"
                );
            }
            Err(_) => {}
        }
    }
}

async fn announce(fanfare: Arc<Fanfare>) {
    fanfare.announce().await;
}

async fn measure(fanfare: Arc<Fanfare>) {
    let waiting = gauge!("fanfare_deliveries_waiting");
    let estimated = gauge!("fanfare_deliveries_waiting_estimated");
    let oldest = gauge!("fanfare_oldest_waiting_seconds");
    let jobs = gauge!("fanfare_jobs_running");
    let mut ticks = interval(BACKLOG);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut counted = None;
    loop {
        ticks.tick().await;
        // For the quotas of tenants: what was counted since the last time was about right only.
        match fanfare.count_waiting(counted.take()).await {
            Ok(up_to) => counted = up_to,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "what waits for each tenant can't be counted"
                );
            }
        }
        let ports = fanfare.ports();
        let most = fanfare.limits().jobs.in_all;
        match ports.deliveries.running_jobs(most).await {
            Ok(running) => jobs.set(running.len() as f64),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "running jobs can't be counted"
                );
            }
        }
        match ports.deliveries.backlog().await {
            Ok(backlog) => {
                waiting.set(backlog.waiting.value() as f64);
                estimated.set(f64::from(u8::from(!backlog.waiting.is_exact())));
                let age = backlog.oldest.map(|made| ports.clock.now().since(made));
                oldest.set(age.unwrap_or_default());
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "what waits can't be measured"
                );
            }
        }
    }
}

async fn retain(fanfare: Arc<Fanfare>, retention: Retention) {
    let mut ticks = interval(RETENTION);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match fanfare.retain(&retention).await {
            Ok(taken) if taken == Taken::default() => {}
            Ok(taken) => tracing::info!(
                retention.payloads = taken.payloads,
                retention.attempts = taken.attempts,
                retention.deliveries = taken.deliveries,
                retention.events = taken.events,
                "what is past its time was taken"
            ),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "what is past its time can't be taken"
                );
            }
        }
    }
}
