//! Changing documents.

use fanfare_app::port::configuration::{Applied, Change, DocumentKey, Kind, Revision};
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::session::{BEGIN, Session};

/// Old removals that one change forgets at most.
const FORGOTTEN_AT_ONCE: i64 = 64;

pub(super) async fn all(session: &Session, changes: &[Change]) -> Result<Applied, Failure> {
    session
        .transaction(|| Box::pin(transaction(session, changes)))
        .await
}

async fn transaction(session: &Session, changes: &[Change]) -> Result<Applied, Failure> {
    session.batch(BEGIN).await?;
    // Whoever has this row is the only one who changes the configuration.
    let row = session
        .row(
            "SELECT value FROM fanfare.counters WHERE name = 'revision' AND node = 0 FOR UPDATE",
            &[],
        )
        .await?;
    let before: Revision = match row {
        Some(row) => row.try_get(0)?,
        None => 0,
    };
    let mut revision = before;
    for (place, change) in changes.iter().enumerate() {
        if !one(session, change, &mut revision).await? {
            session.batch("ROLLBACK").await?;
            return Ok(Applied::Refused(place));
        }
    }
    if revision > before {
        session
            .run(
                "UPDATE fanfare.counters SET value = $1 WHERE name = 'revision' AND node = 0",
                &[(&revision, Type::INT8)],
            )
            .await?;
    }
    session.batch("COMMIT").await?;
    Ok(Applied::Done(revision))
}

/// Makes one change, each document with a revision of its own; false when it is refused.
async fn one(session: &Session, change: &Change, revision: &mut Revision) -> Result<bool, Failure> {
    match change {
        Change::Insert(key, body) => {
            *revision += 1;
            insert(session, key, body, *revision).await
        }
        Change::Replace {
            key,
            expected,
            body,
        } => {
            *revision += 1;
            let changed = session
                .run(
                    "UPDATE fanfare.documents SET revision = $6, body = $7
                    WHERE kind = $1 AND environment = $2 AND tenant = $3 AND id = $4
                    AND revision = $5 AND body IS NOT NULL",
                    &[
                        (&key.kind.as_str(), Type::TEXT),
                        (&key.environment, Type::TEXT),
                        (&key.tenant, Type::TEXT),
                        (&key.id, Type::TEXT),
                        (expected, Type::INT8),
                        (revision, Type::INT8),
                        (body, Type::TEXT),
                    ],
                )
                .await?;
            Ok(changed == 1)
        }
        Change::Remove(key) => {
            let there = remove(session, key, revision).await?;
            forget_old_removals(session).await?;
            Ok(there)
        }
        Change::RemoveOfTenant {
            environment,
            tenant,
        } => {
            remove_of_tenant(session, environment, tenant, revision).await?;
            forget_old_removals(session).await?;
            Ok(true)
        }
    }
}

async fn insert(
    session: &Session,
    key: &DocumentKey,
    body: &str,
    revision: Revision,
) -> Result<bool, Failure> {
    // A removed document's row is taken over.
    let changed = session
        .run(
            "INSERT INTO fanfare.documents AS documents
            (kind, environment, tenant, id, revision, created, body)
            VALUES ($1, $2, $3, $4, $5, $5, $6)
            ON CONFLICT (kind, environment, tenant, id) DO UPDATE
            SET revision = excluded.revision, created = excluded.created, body = excluded.body,
            removed_at = NULL
            WHERE documents.body IS NULL",
            &[
                (&key.kind.as_str(), Type::TEXT),
                (&key.environment, Type::TEXT),
                (&key.tenant, Type::TEXT),
                (&key.id, Type::TEXT),
                (&revision, Type::INT8),
                (&body, Type::TEXT),
            ],
        )
        .await?;
    Ok(changed == 1)
}

async fn remove(
    session: &Session,
    key: &DocumentKey,
    revision: &mut Revision,
) -> Result<bool, Failure> {
    *revision += 1;
    // The calendar serves only to forget removals some day, so the server's will do.
    let changed = session
        .run(
            "UPDATE fanfare.documents SET revision = $5, body = NULL, removed_at = now()
            WHERE kind = $1 AND environment = $2 AND tenant = $3 AND id = $4
            AND body IS NOT NULL",
            &[
                (&key.kind.as_str(), Type::TEXT),
                (&key.environment, Type::TEXT),
                (&key.tenant, Type::TEXT),
                (&key.id, Type::TEXT),
                (revision, Type::INT8),
            ],
        )
        .await?;
    Ok(changed == 1)
}

/// Each document with a revision of its own.
async fn remove_of_tenant(
    session: &Session,
    environment: &str,
    tenant: &str,
    revision: &mut Revision,
) -> Result<(), Failure> {
    let kinds: Vec<&str> = Kind::ALL
        .into_iter()
        .filter(|kind| *kind != Kind::Tenant)
        .map(Kind::as_str)
        .collect();
    let removed = session
        .run(
            "UPDATE fanfare.documents SET body = NULL, removed_at = now(), revision = place
            FROM (SELECT kind AS of_kind, id AS of_id, $4 + row_number() OVER () AS place
                FROM fanfare.documents
                WHERE kind = ANY($1) AND environment = $2 AND tenant = $3 AND body IS NOT NULL)
                AS gone
            WHERE kind = of_kind AND environment = $2 AND tenant = $3 AND id = of_id",
            &[
                (&kinds, Type::TEXT_ARRAY),
                (&environment, Type::TEXT),
                (&tenant, Type::TEXT),
                (revision, Type::INT8),
            ],
        )
        .await?;
    *revision += i64::try_from(removed).unwrap_or(0);
    Ok(())
}

async fn forget_old_removals(session: &Session) -> Result<(), Failure> {
    session
        .run(
            "DELETE FROM fanfare.documents WHERE (kind, environment, tenant, id) IN (
                SELECT kind, environment, tenant, id FROM fanfare.documents
                WHERE removed_at < now() - interval '7 days' LIMIT $1)",
            &[(&FORGOTTEN_AT_ONCE, Type::INT8)],
        )
        .await?;
    Ok(())
}
