//! What the use cases and the engine need from outside: store, clock, chance, network.
//!
//! The store is four ports, so that one can be put on another engine later, and **no transaction
//! spans two of them**: what a crash between two leaves is put right by the next start, see
//! [`deliveries`].

pub mod clock;
pub mod commits;
pub mod configuration;
pub mod coordination;
pub mod deliveries;
pub mod dispatch;
pub mod error;
pub mod found;
pub mod jobs;
pub mod log;
pub mod random;
pub mod sender;
pub mod wishes;

pub use clock::Clock;
pub use commits::CommitObserver;
pub use configuration::Configuration;
pub use coordination::Coordination;
pub use deliveries::Deliveries;
pub use dispatch::Dispatch;
pub use error::StoreError;
pub use found::Found;
pub use jobs::Jobs;
pub use log::Log;
pub use random::Random;
pub use sender::Sender;
pub use wishes::Wishes;
