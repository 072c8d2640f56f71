//! Versions of the schema.

use rusqlite::Connection;

/// Marks a file as Fanfare's, in SQLite's header: "FNFR".
pub(crate) const APPLICATION_ID: u32 = 0x464E_4652;

/// Each brings the schema from the version before to its own, counted from 1. What is released is
/// never changed; a change is a further one.
const MIGRATIONS: [&str; 5] = [
    include_str!("../migrations/0001_first.sql"),
    include_str!("../migrations/0002_delivery_discipline.sql"),
    include_str!("../migrations/0003_dialects.sql"),
    include_str!("../migrations/0004_attempts_in_order.sql"),
    include_str!("../migrations/0005_batches.sql"),
];

/// The version that this binary reads and writes.
pub const SCHEMA_VERSION: u32 = MIGRATIONS.len() as u32;

/// Brings the schema from `from` to [`SCHEMA_VERSION`], each step in a commit of its own.
pub(crate) fn apply(connection: &mut Connection, from: u32) -> rusqlite::Result<()> {
    for (version, sql) in (1u32..).zip(MIGRATIONS).skip(from as usize) {
        let step = connection.transaction()?;
        step.execute_batch(sql)?;
        step.pragma_update(None, "application_id", APPLICATION_ID)?;
        step.pragma_update(None, "user_version", version)?;
        step.commit()?;
        tracing::info!(schema.version = version, "store migrated");
    }
    Ok(())
}
