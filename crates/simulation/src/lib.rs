//! The real engine and the real use cases in virtual time, over a store and a network that fail.
//!
//! # How it works
//!
//! A *run* is a pure function of its seed. The seed decides on the engine's settings, on the endpoints and
//! their policies, on what their owners and publishers do ([`play`]), on what the receivers answer
//! ([`network`]) and on when the store fails, is slow, or stops at a call so that the machine goes down with
//! what was committed. Each *life* of the machine has a runtime of its own with paused time; a crash drops
//! it with everything that was under way.
//!
//! The store and the network tell of what they see in the moment in which it happens. With what the play
//! did, this is the *chronicle*: one list of facts in their true order. After the run, the [`rules`] judge
//! the chronicle and what the store holds at the end. They know nothing of the engine but its promises.
//!
//! # What a mutant is
//!
//! A fault that is planted on purpose, in the engine, the store, the network or the clock. The rules must
//! find each of them: see [`mutant`].
//!
//! # What it does not show
//!
//! The real SQLite store, the real network and threads: they have suites of their own, and the soak.

mod breaker;
mod chronicle;
pub mod fleet;
mod history;
mod life;
pub mod mutant;
pub mod network;
pub mod play;
pub mod rules;
mod run;
mod setting;
mod story;
mod trace;

pub use chronicle::Fact;
pub use history::{Finals, History};
pub use rules::Breach;
pub use run::{Outcome, run};
pub use story::{Place, Story};
