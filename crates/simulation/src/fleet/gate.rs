//! What a node can reach: nothing while it is paused, not the store while it is cut off, and nothing ever
//! again once it is dead.

use std::sync::Arc;
use std::time::Duration;

use fanfare_app::port::StoreError;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// How a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Well,
    Paused,
    CutOff,
    Dead,
}

/// The way out of a node. Clones are handles of the same one.
#[derive(Clone, Debug)]
pub(super) struct Gate(Arc<State>);

#[derive(Debug)]
struct State {
    condition: Mutex<Condition>,
    /// Unlike a channel's, its waiters are woken in the order in which they came.
    changed: Notify,
}

/// After which a node gives up to reach the store.
const PATIENCE: Duration = Duration::from_secs(2);

impl Gate {
    pub(super) fn new() -> Self {
        Self(Arc::new(State {
            condition: Mutex::new(Condition::Well),
            changed: Notify::new(),
        }))
    }

    pub(super) fn set(&self, condition: Condition) {
        let mut known = self.0.condition.lock();
        if *known != Condition::Dead {
            *known = condition;
            self.0.changed.notify_waiters();
        }
    }

    pub(super) fn condition(&self) -> Condition {
        *self.0.condition.lock()
    }

    async fn until(&self, holds: impl Fn(Condition) -> bool) {
        loop {
            let changed = self.0.changed.notified();
            if holds(self.condition()) {
                return;
            }
            changed.await;
        }
    }

    /// Goes on while the node's own threads do.
    pub(super) async fn running(&self) {
        let runs = |known| matches!(known, Condition::Well | Condition::CutOff);
        self.until(runs).await;
    }

    /// Goes on when the store can be reached; fails when it can't be for long.
    pub(super) async fn store(&self) -> Result<(), StoreError> {
        self.running().await;
        if self.condition() == Condition::Well {
            return Ok(());
        }
        let reached = self.until(|known| known == Condition::Well);
        let reached = tokio::time::timeout(PATIENCE, reached).await.is_ok();
        self.running().await;
        match reached {
            true => Ok(()),
            false => Err(StoreError::unavailable("the node is cut off")),
        }
    }
}
