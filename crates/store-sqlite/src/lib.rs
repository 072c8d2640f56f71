//! The embedded store: the store's ports over SQLite.
//!
//! One file, one thread that writes it, a few connections that read it beside that thread. Writes
//! that wait at the same time share one commit and one sync of the disk, see
//! [`CommitObserver`](fanfare_app::port::CommitObserver); a write is answered after its commit is durable (`synchronous=FULL`). Only what became of deliveries
//! is answered before it is synced: a power failure that takes it back makes them be attempted again.
//!
//! The parts keep to their promise that no transaction spans two of them: they can as well stand in
//! files of their own, see [`SqliteStore::open_parts`].

mod backup;
mod configuration;
mod deliveries;
mod failure;
mod jobs;
mod lists;
mod lock;
mod log;
mod migration;
mod open;
mod options;
mod reader;
mod row;
mod scopes;
mod store;
mod transfer;
mod writer;

pub use backup::{BackupError, backup};
pub use migration::SCHEMA_VERSION;
pub use open::OpenError;
pub use options::Options;
pub use store::{Migrated, SqliteStore, migrate};
pub use transfer::SqliteTransfer;
