//! A store in memory: the ports' behaviour without a disk, for tests in virtual time.
//!
//! Each call does its work in one step, so it is as atomic as a commit, and what it did counts as
//! committed from then on. Faults can be put before and after that step: see [`Faults`]. A crash cuts
//! every call that is under way and goes on from what was committed: see [`MemoryStore::crash`]; a power
//! failure goes on from what was synced: see [`MemoryStore::fail_power`].

use std::collections::VecDeque;
use std::sync::Arc;

use fanfare_app::port::StoreError;
use parking_lot::Mutex;

mod batch;
mod changes;
mod configuration;
mod deliveries;
mod faults;
mod jobs;
mod log;
mod order;
mod retention;
mod tallies;

pub use changes::Change;
use changes::{Changes, Watch};
pub use faults::{Call, Faults, Moment};

use crate::power::Power;

/// A store in memory. Clones are handles of the same one.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    faults: Arc<Faults>,
    power: Power,
    watch: Watch,
    /// What a store that does not sync would come back with, see [`MemoryStore::forget_at_crash`].
    unsynced: Arc<Mutex<Unsynced>>,
}

/// The states before the last commits, oldest first.
#[derive(Debug, Default)]
struct Unsynced {
    commits: usize,
    before: VecDeque<State>,
    /// The state that was synced last, and how many changes came after it.
    synced: Option<(State, usize)>,
    /// Whether nothing of that is kept.
    never: bool,
}

/// When what a call writes has to be synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Synced {
    /// Before it is answered, with all before it.
    AtOnce,
    /// With the next that is.
    WithTheNext,
    /// It writes nothing.
    Nothing,
}

/// What is committed.
#[derive(Clone, Debug, Default)]
struct State {
    configuration: configuration::Documents,
    log: log::Events,
    deliveries: deliveries::Rows,
}

impl State {
    /// What was changed since the last time, in order.
    fn changes(&mut self) -> Changes {
        let mut changes = std::mem::take(&mut self.configuration.changes);
        changes.extend(std::mem::take(&mut self.log.changes));
        changes.extend(std::mem::take(&mut self.deliveries.changes));
        changes
    }
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
    /// one that are under way, and all later ones, never answer. Failures and delays are not taken over.
    #[must_use]
    pub fn crash(&self) -> Self {
        self.power.cut();
        let synced = self.unsynced.lock().before.front().cloned();
        let state = synced.unwrap_or_else(|| self.state.lock().clone());
        Self {
            state: Arc::new(Mutex::new(state)),
            watch: self.watch.clone(),
            ..Self::default()
        }
    }

    /// As [`MemoryStore::crash`], but goes on from what was synced.
    #[must_use]
    pub fn fail_power(&self) -> Self {
        let store = self.crash();
        let synced = self.unsynced.lock().synced.take();
        if let Some((state, _)) = synced {
            *store.state.lock() = state;
        }
        store
    }

    /// How many of the last changes a power failure would undo now.
    #[must_use]
    pub fn unsynced(&self) -> usize {
        let unsynced = self.unsynced.lock();
        unsynced.synced.as_ref().map_or(0, |(_, changes)| *changes)
    }

    /// No power failure will come, so that what one would undo need not be kept: that is a copy of all with
    /// most commits.
    pub fn without_power_failures(&self) {
        self.unsynced.lock().never = true;
    }

    /// A crash takes the last `commits` commits with it, as it would where they were acknowledged before
    /// they were synced: what no store may do.
    pub fn forget_at_crash(&self, commits: usize) {
        self.unsynced.lock().commits = commits;
    }

    /// Goes on when the power of this store is gone, see [`Faults::stop_after`].
    pub async fn stopped(&self) {
        self.power.lost().await;
    }

    /// Tells of every change from now on, in the moment in which it is committed; after a crash too.
    pub fn watch(&self, watch: impl Fn(Change) + Send + Sync + 'static) {
        self.watch.set(watch);
    }

    async fn call<T>(
        &self,
        call: Call,
        work: impl FnOnce(&mut State) -> T + Send,
    ) -> Result<T, StoreError> {
        self.call_for(Synced::AtOnce, call, work).await
    }

    async fn call_for<T>(
        &self,
        sync: Synced,
        call: Call,
        work: impl FnOnce(&mut State) -> T + Send,
    ) -> Result<T, StoreError> {
        let sync = if call.reads() { Synced::Nothing } else { sync };
        self.power.on().await;
        let plan = self.faults.plan(call);
        self.wait(plan.delay_before).await;
        if plan.fails == Some(Moment::Before) {
            return Err(unavailable(call));
        }
        if plan.stops == Some(Moment::Before) {
            self.power.cut();
            self.power.on().await;
        }
        let answer = if plan.lost {
            work(&mut self.state.lock().clone())
        } else {
            self.commit(sync, work)
        };
        if plan.stops == Some(Moment::After) {
            self.power.cut();
            self.power.on().await;
        }
        self.wait(plan.delay_after).await;
        if plan.fails == Some(Moment::After) {
            return Err(unavailable(call));
        }
        Ok(answer)
    }

    fn commit<T>(&self, sync: Synced, work: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock();
        let mut unsynced = self.unsynced.lock();
        let before = (unsynced.commits > 0).then(|| state.clone());
        match sync {
            Synced::AtOnce => unsynced.synced = None,
            Synced::WithTheNext if unsynced.synced.is_none() && !unsynced.never => {
                unsynced.synced = Some((state.clone(), 0));
            }
            Synced::WithTheNext | Synced::Nothing => {}
        }
        let answer = work(&mut state);
        let changes = state.changes();
        if let Some((_, count)) = &mut unsynced.synced {
            *count += changes.len();
        }
        if let Some(before) = before.filter(|_| !changes.is_empty()) {
            unsynced.before.push_back(before);
            let most = unsynced.commits;
            while unsynced.before.len() > most {
                unsynced.before.pop_front();
            }
        }
        drop(unsynced);
        drop(state);
        self.watch.tell(changes);
        answer
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
