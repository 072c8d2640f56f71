//! The store for many nodes: the store's ports over PostgreSQL, 15 or later.
//!
//! # Connections
//!
//! Writes that wait at the same time share a transaction, and their statements go out together,
//! without waiting for each other's answers, see `queue.rs` and `session.rs`. No statement is prepared
//! by name and nothing is kept in a session between transactions, so that the work goes through a
//! pooler that gives each transaction another server connection. What needs a session of its own
//! (making partitions, migrating) takes the direct address, see [`Address`].
//!
//! # Tables
//!
//! What grows is partitioned by days, by the time in its ids. Deliveries that wait, and those that
//! hold a strand, stand in a table of their own, `open_deliveries`, and move to the partitioned one as
//! they end: so what is due is found without looking at partitions, and partitions hold nothing that
//! changes. See `migrations/0001_first.sql`.
//!
//! # Who sees what
//!
//! Positions in the log come from a sequence, whose numbers become visible out of order. No reader of
//! the log passes a position whose transaction is still under way, see `log.rs`.
//!
//! Deliveries of one node are written by one task, so that two writes of one delivery never overlap.
//! Between two nodes, only a delivery that both have in memory can be written by both at a time: one
//! may then end it while the other lets it wait. The row that ended counts, and the other goes when
//! it is settled the next time. So what is asked for a delivery at another node than the one that attempts
//! it, an extra attempt or its end, is left for that one as a wish, see `deliveries/wishes.rs`.

mod address;
mod bits;
mod columns;
mod configuration;
mod days;
mod deliveries;
mod failure;
mod handover;
mod hints;
mod jobs;
mod log;
mod member;
mod migration;
mod options;
mod partition;
mod pool;
mod queue;
mod scopes;
mod session;
mod store;
mod takeover;
mod tls;
mod transfer;

pub use address::{Address, AddressError};
pub use member::{JoinOptions, Member, Placement};
pub use migration::{Migrated, SCHEMA_VERSION};
pub use options::{Options, Retention};
pub use store::{Addresses, OpenError, PostgresStore, migrate};
pub use transfer::PostgresTransfer;
