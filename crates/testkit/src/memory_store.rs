//! A store in memory: the ports' behaviour without a disk, for tests in virtual time.
//!
//! Each call does its work in one step, so it is as atomic as a commit, and what it did counts as
//! durable from then on. Faults can be put before and after that step: see [`Faults`]. A crash cuts
//! every call that is under way and goes on from what was committed: see [`MemoryStore::crash`].

use std::sync::Arc;

use fanfare_app::port::StoreError;
use parking_lot::Mutex;

mod configuration;
mod deliveries;
mod faults;
mod log;
mod retention;
mod tallies;

pub use faults::{Call, Faults, Moment};

use crate::power::Power;

/// A store in memory. Clones are handles of the same one.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    faults: Arc<Faults>,
    power: Power,
}

/// What is committed.
#[derive(Clone, Debug, Default)]
struct State {
    configuration: configuration::Documents,
    log: log::Events,
    deliveries: deliveries::Rows,
}

impl MemoryStore {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Its faults.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Ends this store as a crash would, and opens a new one from what was committed. Calls of the old
    /// one that are under way, and all later ones, never answer. Faults are not taken over.
    #[must_use]
    pub fn crash(&self) -> Self {
        self.power.cut();
        let state = self.state.lock().clone();
        Self {
            state: Arc::new(Mutex::new(state)),
            ..Self::default()
        }
    }

    async fn call<T>(
        &self,
        call: Call,
        work: impl FnOnce(&mut State) -> T + Send,
    ) -> Result<T, StoreError> {
        self.power.on().await;
        let plan = self.faults.plan(call);
        self.wait(plan.delay_before).await;
        if plan.fails == Some(Moment::Before) {
            return Err(unavailable(call));
        }
        let answer = work(&mut self.state.lock());
        self.wait(plan.delay_after).await;
        if plan.fails == Some(Moment::After) {
            return Err(unavailable(call));
        }
        Ok(answer)
    }

    async fn wait(&self, delay: std::time::Duration) {
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
            self.power.on().await;
        }
    }
}

fn unavailable(call: Call) -> StoreError {
    StoreError::unavailable(format!("a test made {call:?} fail"))
}
