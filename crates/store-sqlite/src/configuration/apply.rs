//! Changing documents.

use fanfare_app::port::configuration::{Applied, Change, DocumentKey, Kind, Revision};
use rusqlite::{Connection, OptionalExtension};

use crate::failure::Failure;
use crate::writer::Writing;

/// How long a removal stays in the feed, in seconds.
const REMOVAL_KEPT: i64 = 7 * 24 * 3_600;

/// Old removals that one change forgets at most: more than it can make, but for a tenant's end.
const FORGOTTEN_AT_ONCE: i64 = 64;

/// About how many bytes a change writes.
pub(super) fn weight(change: &Change) -> usize {
    match change {
        Change::Insert(_, body) | Change::Replace { body, .. } => body.len() + 256,
        Change::Remove(_) => 256,
        Change::RemoveOfTenant { .. } => 64 * 1_024,
    }
}

pub(super) fn all(writing: &Writing<'_>, changes: &[Change]) -> Result<Applied, Failure> {
    let connection = writing.connection;
    connection.execute_batch("SAVEPOINT changes")?;
    let before = last_revision(connection)?;
    let mut revision = before;
    for (place, change) in changes.iter().enumerate() {
        if !one(connection, change, &mut revision)? {
            connection.execute_batch("ROLLBACK TO changes; RELEASE changes")?;
            return Ok(Applied::Refused(place));
        }
    }
    if revision > before {
        connection
            .prepare_cached(
                "INSERT INTO counters (name, value) VALUES ('revision', ?1)
                ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )?
            .execute([revision])?;
    }
    connection.execute_batch("RELEASE changes")?;
    Ok(Applied::Done(revision))
}

fn last_revision(connection: &Connection) -> Result<Revision, Failure> {
    let value = connection
        .prepare_cached("SELECT value FROM counters WHERE name = 'revision'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(value.unwrap_or(0))
}

/// Makes one change, each document with a revision of its own; false when it is refused.
fn one(connection: &Connection, change: &Change, revision: &mut Revision) -> Result<bool, Failure> {
    match change {
        Change::Insert(key, body) => {
            *revision += 1;
            insert(connection, key, body, *revision)
        }
        Change::Replace {
            key,
            expected,
            body,
        } => {
            *revision += 1;
            let changed = connection
                .prepare_cached(
                    "UPDATE documents SET revision = ?6, body = ?7
                    WHERE kind = ?1 AND environment = ?2 AND tenant = ?3 AND id = ?4
                    AND revision = ?5 AND body IS NOT NULL",
                )?
                .execute((
                    key.kind.as_str(),
                    &*key.environment,
                    &*key.tenant,
                    &*key.id,
                    expected,
                    *revision,
                    &**body,
                ))?;
            Ok(changed == 1)
        }
        Change::Remove(key) => {
            let there = remove(
                connection,
                (key.kind.as_str(), &key.environment, &key.tenant, &key.id),
                revision,
            )?;
            forget_old_removals(connection)?;
            Ok(there)
        }
        Change::RemoveOfTenant {
            environment,
            tenant,
        } => {
            for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Tenant) {
                let kind = kind.as_str();
                let ids: Vec<String> = connection
                    .prepare_cached(
                        "SELECT id FROM documents WHERE kind = ?1 AND environment = ?2
                        AND tenant = ?3 AND body IS NOT NULL",
                    )?
                    .query_map((kind, &**environment, &**tenant), |row| row.get(0))?
                    .collect::<Result<_, _>>()?;
                for id in &ids {
                    remove(connection, (kind, environment, tenant, id), revision)?;
                }
            }
            forget_old_removals(connection)?;
            Ok(true)
        }
    }
}

fn insert(
    connection: &Connection,
    key: &DocumentKey,
    body: &str,
    revision: Revision,
) -> Result<bool, Failure> {
    // A removed document's row is taken over.
    let changed = connection
        .prepare_cached(
            "INSERT INTO documents (kind, environment, tenant, id, revision, created, body)
            VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6)
            ON CONFLICT (kind, environment, tenant, id) DO UPDATE
            SET revision = excluded.revision, created = excluded.created, body = excluded.body,
            removed_at = NULL
            WHERE documents.body IS NULL",
        )?
        .execute((
            key.kind.as_str(),
            &*key.environment,
            &*key.tenant,
            &*key.id,
            revision,
            body,
        ))?;
    Ok(changed == 1)
}

fn remove(
    connection: &Connection,
    (kind, environment, tenant, id): (&str, &str, &str, &str),
    revision: &mut Revision,
) -> Result<bool, Failure> {
    *revision += 1;
    // The calendar serves only to forget removals some day, so SQLite's will do.
    let changed = connection
        .prepare_cached(
            "UPDATE documents SET revision = ?5, body = NULL, removed_at = unixepoch()
            WHERE kind = ?1 AND environment = ?2 AND tenant = ?3 AND id = ?4
            AND body IS NOT NULL",
        )?
        .execute((kind, environment, tenant, id, *revision))?;
    Ok(changed == 1)
}

fn forget_old_removals(connection: &Connection) -> Result<(), Failure> {
    connection
        .prepare_cached(
            "DELETE FROM documents WHERE (kind, environment, tenant, id) IN (
                SELECT kind, environment, tenant, id FROM documents INDEXED BY documents_removed
                WHERE removed_at IS NOT NULL AND removed_at < unixepoch() - ?1 LIMIT ?2)",
        )?
        .execute((REMOVAL_KEPT, FORGOTTEN_AT_ONCE))?;
    Ok(())
}
