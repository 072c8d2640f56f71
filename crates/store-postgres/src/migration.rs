//! The schema's versions.
//!
//! Nodes of two releases work side by side while one is rolled out over the other. So a migration only
//! adds what the release before does not mind, and takes away only what that one does not use any
//! more; the store says which is the oldest version of the schema whose programs can use it still.

use fanfare_app::port::StoreError;

use crate::failure::Failure;
use crate::session::Session;
use crate::store::OpenError;

/// What brings the schema from each version to the next, and the oldest version whose programs can use
/// what it leaves.
const MIGRATIONS: &[(&str, u32)] = &[
    (include_str!("../migrations/0001_first.sql"), 1),
    (include_str!("../migrations/0002_dialects.sql"), 1),
    (include_str!("../migrations/0003_nodes.sql"), 3),
    (include_str!("../migrations/0004_batches.sql"), 3),
    (include_str!("../migrations/0005_owners.sql"), 5),
    (include_str!("../migrations/0006_wishes.sql"), 5),
    (include_str!("../migrations/0007_calls.sql"), 5),
];

/// The schema's version that this release writes.
#[allow(
    clippy::cast_possible_truncation,
    reason = "there are no four thousand million migrations"
)]
pub const SCHEMA_VERSION: u32 = MIGRATIONS.len() as u32;

/// What [`crate::migrate`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The version before; 0 where there was no store.
    pub from: u32,
    /// The version now.
    pub to: u32,
}

/// The number of the lock under which the schema changes: "migrate" in ASCII.
const LOCK: i64 = 30_797_927_043_724_389;

/// Brings the schema up to date, one program at a time.
pub(crate) async fn run(session: &Session) -> Result<Migrated, OpenError> {
    let migrated = steps(session).await;
    if migrated.is_err() {
        session.roll_back().await;
    }
    migrated
}

async fn steps(session: &Session) -> Result<Migrated, OpenError> {
    // Others wait here, however long it takes; the lock ends with the transaction.
    let begin = format!("BEGIN; SELECT pg_advisory_xact_lock({LOCK})");
    session.batch(&begin).await?;
    let versions = versions(session).await?;
    let from = match &versions {
        None => 0,
        Some(versions) => {
            judge(versions)?;
            versions.found
        }
    };
    if from >= SCHEMA_VERSION {
        session.batch("COMMIT").await?;
        return Ok(Migrated { from, to: from });
    }
    if from == 0 {
        session
            .batch(
                "CREATE SCHEMA fanfare;
                CREATE TABLE fanfare.schema_versions (
                    version integer PRIMARY KEY,
                    oldest_user integer NOT NULL,
                    made_at timestamptz NOT NULL DEFAULT now()
                )",
            )
            .await?;
    }
    for (version, (sql, oldest)) in (1u32..).zip(MIGRATIONS).skip(from as usize) {
        session.batch(sql).await?;
        let note = format!(
            "INSERT INTO fanfare.schema_versions (version, oldest_user) VALUES ({version}, {oldest})"
        );
        session.batch(&note).await?;
    }
    session.batch("COMMIT").await?;
    Ok(Migrated {
        from,
        to: SCHEMA_VERSION,
    })
}

struct Versions {
    found: u32,
    /// The oldest version whose programs can use it.
    oldest: u32,
}

/// None where there is no store.
async fn versions(session: &Session) -> Result<Option<Versions>, OpenError> {
    let there = session
        .row(
            "SELECT to_regclass('fanfare.schema_versions') IS NOT NULL",
            &[],
        )
        .await?;
    if !there.is_some_and(|row| row.try_get(0).unwrap_or(false)) {
        return Ok(None);
    }
    let row = session
        .row(
            "SELECT version, oldest_user FROM fanfare.schema_versions
            ORDER BY version DESC LIMIT 1",
            &[],
        )
        .await?;
    let number = |at| {
        let row = row.as_ref()?;
        u32::try_from(row.try_get::<_, i32>(at).ok()?).ok()
    };
    match (number(0), number(1)) {
        (Some(found), Some(oldest)) => Ok(Some(Versions { found, oldest })),
        _ => Err(Failure::from(StoreError::corrupt(
            "fanfare.schema_versions",
            "it says no version",
        ))
        .into()),
    }
}

fn judge(versions: &Versions) -> Result<(), OpenError> {
    if versions.oldest > SCHEMA_VERSION {
        return Err(OpenError::Newer {
            found: versions.found,
            known: SCHEMA_VERSION,
        });
    }
    Ok(())
}

/// Refuses what is no store, or one that this release can't use.
pub(crate) async fn must_be_a_store(session: &Session) -> Result<(), OpenError> {
    match versions(session).await? {
        None => Err(OpenError::NoStore),
        Some(versions) => judge(&versions),
    }?;
    must_be_finished(session).await
}

/// The version of the store; none where there is none.
pub(crate) async fn found(session: &Session) -> Result<Option<u32>, OpenError> {
    Ok(versions(session).await?.map(|versions| versions.found))
}

/// Whether a move into this store was not finished, see [`crate::transfer`].
pub(crate) async fn unfinished(session: &Session) -> Result<bool, OpenError> {
    let sql = "SELECT to_regclass('fanfare.moving') IS NOT NULL";
    let row = session.row(sql, &[]).await?;
    Ok(row.is_some_and(|row| row.try_get(0).unwrap_or(false)))
}

pub(crate) async fn must_be_finished(session: &Session) -> Result<(), OpenError> {
    if unfinished(session).await? {
        return Err(OpenError::Unfinished);
    }
    Ok(())
}

/// Refuses servers that are too old.
pub(crate) async fn must_be_new_enough(session: &Session) -> Result<(), OpenError> {
    const OLDEST: i32 = 150_000;
    let row = session
        .row("SELECT current_setting('server_version_num')::integer", &[])
        .await?;
    let version: i32 = row.map_or(0, |row| row.try_get(0).unwrap_or(0));
    if version < OLDEST {
        return Err(OpenError::Server {
            major: version / 10_000,
        });
    }
    Ok(())
}
