//! Which endpoints this node owns, of those that one node serves at a time.
//!
//! The store says whose an endpoint is, and that changes in two ways only: its owner says that it has let go,
//! or somebody finds its owner gone. What is kept here is never more than the store says. Who *should* own it
//! follows from the members, see [`favourite`](super::favourite); nodes may differ about that for a moment,
//! and then the endpoint waits.
//!
//! ```text
//! nobody's ── wanted ──(store)──► owned ── leaving ──(engine)── let go ──(store)──► nobody's
//! ```

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use fanfare_domain::id::EndpointId;
use parking_lot::RwLock;
use tokio::sync::Notify;

use crate::port::coordination::{Epoch, Owned};

/// The most endpoints that are asked for at a time; more are found by looking.
const WANTED: usize = 1_000;

/// The endpoints of this node.
#[derive(Debug, Default)]
pub struct Owners {
    state: RwLock<State>,
    /// Told when there is something to be written, see [`Owners::pending`].
    pub to_write: Notify,
    /// Told when the engine is to take an endpoint up or to let go of one.
    pub to_tell: Notify,
}

#[derive(Debug, Default)]
struct State {
    owned: HashMap<EndpointId, Since>,
    /// Those that the engine has not heard of yet.
    came: BTreeSet<EndpointId>,
    /// Those that the engine is to let go of, and as which owner, where this node is the owner.
    leaving: BTreeMap<EndpointId, Option<Since>>,
    /// Those that it has let go of.
    let_go: BTreeMap<EndpointId, Option<Since>>,
    wanted: BTreeSet<EndpointId>,
}

#[derive(Clone, Copy, Debug)]
struct Since {
    epoch: Epoch,
    at: Duration,
}

/// What is to be written.
#[derive(Debug, Default)]
pub struct Pending {
    /// Nothing of them is in memory here.
    pub let_go: Vec<EndpointId>,
    /// To be asked for.
    pub wanted: Vec<EndpointId>,
}

impl Pending {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.let_go.is_empty() && self.wanted.is_empty()
    }
}

impl Owners {
    /// How this node owns an endpoint.
    #[must_use]
    pub fn owns(&self, endpoint: EndpointId, now: Duration) -> Option<Owned> {
        let since = self.state.read().owned.get(&endpoint).copied()?;
        Some(Owned {
            epoch: since.epoch,
            taken_over: (since.epoch > 1).then(|| now.saturating_sub(since.at)),
        })
    }

    /// This node should own it.
    pub fn want(&self, endpoint: EndpointId) {
        let mut state = self.state.write();
        let has = state.owned.contains_key(&endpoint) || state.wanted.contains(&endpoint);
        if !has && state.wanted.len() < WANTED {
            state.wanted.insert(endpoint);
            drop(state);
            self.to_write.notify_one();
        }
    }

    /// Nothing of an endpoint may stay in this node's memory, though it is not the owner.
    pub fn leave(&self, endpoint: EndpointId) {
        let mut state = self.state.write();
        if !state.leaving.contains_key(&endpoint) && !state.let_go.contains_key(&endpoint) {
            state.leaving.insert(endpoint, None);
            drop(state);
            self.to_tell.notify_one();
        }
    }

    /// Members came or went: those that another one should own are let go of.
    pub fn review(&self, stays: impl Fn(EndpointId) -> bool) {
        let mut state = self.state.write();
        let leaving: Vec<_> = state.owned.keys().copied().collect();
        for endpoint in leaving.into_iter().filter(|endpoint| !stays(*endpoint)) {
            let since = state.owned.remove(&endpoint);
            state.came.remove(&endpoint);
            state.leaving.insert(endpoint, since);
        }
        let leaving = !state.leaving.is_empty();
        drop(state);
        if leaving {
            self.to_tell.notify_one();
        }
    }

    /// Endpoints that have become this node's since the last time.
    #[must_use]
    pub fn came(&self) -> Vec<EndpointId> {
        if self.state.read().came.is_empty() {
            return Vec::new();
        }
        let came = std::mem::take(&mut self.state.write().came);
        came.into_iter().collect()
    }

    /// Endpoints of which the engine is to let go.
    #[must_use]
    pub fn leaving(&self) -> Vec<EndpointId> {
        self.state.read().leaving.keys().copied().collect()
    }

    /// The engine has let go of one.
    pub fn let_go(&self, endpoint: EndpointId) {
        let mut state = self.state.write();
        if let Some(since) = state.leaving.remove(&endpoint) {
            state.let_go.insert(endpoint, since);
            drop(state);
            self.to_write.notify_one();
        }
    }

    /// What is to be written.
    #[must_use]
    pub fn pending(&self) -> Pending {
        let state = self.state.read();
        // Not while it is being let go of: that comes first.
        let free = |endpoint: &&EndpointId| {
            !state.leaving.contains_key(endpoint) && !state.let_go.contains_key(endpoint)
        };
        Pending {
            let_go: state.let_go.keys().copied().collect(),
            wanted: state.wanted.iter().filter(free).copied().collect(),
        }
    }

    /// The store says that these are nobody's now, or another's.
    pub fn have_gone(&self, endpoints: &[EndpointId]) {
        let mut state = self.state.write();
        for endpoint in endpoints {
            state.let_go.remove(endpoint);
        }
    }

    /// The store was asked for these, at `asked_at`: it says that some are this node's now, and as which owner; the others
    /// are another's still, and asked for again if `still_wanted`.
    pub fn were_asked_for(
        &self,
        asked: &[EndpointId],
        got: &[(EndpointId, Epoch)],
        asked_at: Duration,
        still_wanted: impl Fn(EndpointId) -> bool,
    ) {
        let mut state = self.state.write();
        for (endpoint, epoch) in got {
            let since = Since {
                epoch: *epoch,
                at: asked_at,
            };
            state.wanted.remove(endpoint);
            if still_wanted(*endpoint) {
                state.owned.insert(*endpoint, since);
                state.came.insert(*endpoint);
            } else {
                state.leaving.insert(*endpoint, Some(since));
            }
        }
        for endpoint in asked {
            if !still_wanted(*endpoint) {
                state.wanted.remove(endpoint);
            }
        }
        drop(state);
        if !got.is_empty() {
            self.to_tell.notify_one();
        }
    }
}
