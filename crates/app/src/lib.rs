//! Use cases of Fanfare, and the ports that they need.
//!
//! A use case is a method of [`Fanfare`]: it checks what came in, says what is wrong with all of it
//! at once, and calls ports. Nothing here knows HTTP, SQL or a provider's wire format.

pub mod attempt;
pub mod caller;
pub mod deliveries;
pub mod directory;
pub mod endpoints;
pub mod environments;
pub mod error;
pub mod event_types;
pub mod external;
pub mod fault;
pub mod filter;
pub mod format;
pub mod keys;
pub mod matching;

pub mod nodes;
pub mod notices;
pub mod port;
pub mod publish;
pub mod quotas;
pub mod recovery;
pub mod repository;
pub mod retention;
pub mod stored;
pub mod tenants;
pub mod test_delivery;
pub mod transfer;

mod fanfare;

pub use error::{Conflict, Exceeded, Faults, UseCaseError};
pub use fanfare::{Fanfare, Limits, Ports};
