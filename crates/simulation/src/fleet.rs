//! Several nodes over one store, in virtual time.
//!
//! Each node is the real engine with the real use cases, and the real decisions of
//! [`fanfare_app::nodes`] on leases, members and owners. What is played here is the store's part: one store in
//! memory, and beside it the tables by which nodes know of each other and leave each other wishes (`shared.rs`).
//! Nodes are killed, paused and cut off from the store, hints are lost, and each node learns of the configuration
//! late. Somebody asks any of them for extra attempts, and that what waits be cancelled.
//!
//! The rules that judge a run (`rules`) are those of several nodes: nothing that was accepted is lost, order
//! and rates hold over all of them, batches stay as they were bound, nobody writes who was declared gone, and
//! whatever is sent twice had been under way, or not recorded, when its node was disturbed; what is asked of one
//! node comes about whichever has the delivery, and each goes by its own breaker and what it heard of others'.

use std::sync::Arc;

use fanfare_app::port::Clock;
use fanfare_domain::time::Timestamp;
use fanfare_testkit::clock::VirtualClock;
use parking_lot::Mutex;

mod fact;
mod gate;
mod mutant;
mod network;
mod node;
mod play;
mod ports;
mod rules;
mod shared;

pub use fact::{Disturbance, Fact};
pub use mutant::Mutant;
pub use network::Mood;
pub use rules::Breach;

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// The seed that decided on it.
    pub seed: u64,
    /// What happened, in its order.
    pub facts: Vec<(Timestamp, Fact)>,
    /// What broke a rule; empty when nothing did.
    pub breaches: Vec<Breach>,
}

impl Outcome {
    /// What broke a rule, and how to see it again.
    #[must_use]
    pub fn report(&self) -> String {
        let mut text = format!("seed {} of several nodes:\n", self.seed);
        for breach in &self.breaches {
            text.push_str(&format!("  {breach}\n"));
        }
        text
    }

    /// What happened, line by line.
    #[must_use]
    pub fn trace(&self) -> String {
        let lines = self.facts.iter().enumerate();
        lines
            .map(|(place, (at, fact))| format!("{place} {} {fact:?}\n", at.micros()))
            .collect()
    }
}

/// Plays a seed to its end and judges it. The same seed gives the same run.
#[must_use]
pub fn run(seed: u64, mutant: Option<Mutant>) -> Outcome {
    let (facts, finals) = crate::run::life().block_on(play::play(seed, mutant));
    let breaches = rules::judge(&facts, &finals);
    Outcome {
        seed,
        facts,
        breaches,
    }
}

/// What happens, in its true order. Clones are handles of the same one.
#[derive(Clone, Debug)]
struct Chronicle {
    clock: VirtualClock,
    facts: Arc<Mutex<Vec<(Timestamp, Fact)>>>,
}

impl Chronicle {
    fn new(clock: VirtualClock) -> Self {
        let facts = Arc::default();
        Self { clock, facts }
    }

    /// Answers its place.
    fn note(&self, fact: Fact) -> usize {
        let mut facts = self.facts.lock();
        facts.push((self.clock.now(), fact));
        facts.len() - 1
    }

    fn take(&self) -> Vec<(Timestamp, Fact)> {
        std::mem::take(&mut self.facts.lock())
    }
}
