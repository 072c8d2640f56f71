//! Reading documents.

use fanfare_app::port::StoreError;
use fanfare_app::port::configuration::{
    Changed, Document, DocumentKey, DocumentQuery, IdQuery, Kind, Revision,
};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::bits::limit;
use crate::failure::Failure;
use crate::session::{Params, Session};

const COLUMNS: &str = "kind, environment, tenant, id, revision, created, body";

pub(super) async fn get(session: &Session, key: &DocumentKey) -> Result<Option<Document>, Failure> {
    let mut found = documents(
        session,
        "kind = $1 AND environment = $2 AND tenant = $3 AND id = $4 AND body IS NOT NULL",
        &[
            (&key.kind.as_str(), Type::TEXT),
            (&key.environment, Type::TEXT),
            (&key.tenant, Type::TEXT),
            (&key.id, Type::TEXT),
        ],
    )
    .await?;
    Ok(found.pop())
}

pub(super) async fn list(
    session: &Session,
    query: &DocumentQuery,
) -> Result<Vec<Document>, Failure> {
    let before = query.before.unwrap_or(Revision::MAX);
    let limit = limit(query.limit);
    let kind = query.kind.as_str();
    match &query.tenant {
        Some(tenant) => {
            documents(
                session,
                "body IS NOT NULL AND kind = $1 AND environment = $2 AND tenant = $3
                AND created < $4 ORDER BY created DESC LIMIT $5",
                &[
                    (&kind, Type::TEXT),
                    (&query.environment, Type::TEXT),
                    (tenant, Type::TEXT),
                    (&before, Type::INT8),
                    (&limit, Type::INT8),
                ],
            )
            .await
        }
        None => {
            documents(
                session,
                "body IS NOT NULL AND kind = $1 AND environment = $2
                AND created < $3 ORDER BY created DESC LIMIT $4",
                &[
                    (&kind, Type::TEXT),
                    (&query.environment, Type::TEXT),
                    (&before, Type::INT8),
                    (&limit, Type::INT8),
                ],
            )
            .await
        }
    }
}

pub(super) async fn list_by_id(
    session: &Session,
    query: &IdQuery,
) -> Result<Vec<Document>, Failure> {
    let (compare, order) = if query.descending {
        ("<", "DESC")
    } else {
        (">", "ASC")
    };
    let which = format!(
        "body IS NOT NULL AND kind = $1 AND environment = $2 AND tenant = $3
        AND ($4::text IS NULL OR id COLLATE \"C\" {compare} $4)
        ORDER BY id COLLATE \"C\" {order} LIMIT $5"
    );
    documents(
        session,
        &which,
        &[
            (&query.kind.as_str(), Type::TEXT),
            (&query.environment, Type::TEXT),
            (&query.tenant, Type::TEXT),
            (&query.after, Type::TEXT),
            (&limit(query.limit), Type::INT8),
        ],
    )
    .await
}

pub(super) async fn changes_after(
    session: &Session,
    revision: Revision,
    count: usize,
) -> Result<Vec<Changed>, Failure> {
    changed(
        session,
        "revision > $1 ORDER BY revision LIMIT $2",
        &[(&revision, Type::INT8), (&limit(count), Type::INT8)],
    )
    .await
}

async fn documents(
    session: &Session,
    which: &str,
    params: Params<'_>,
) -> Result<Vec<Document>, Failure> {
    let found = changed(session, which, params).await?;
    Ok(found
        .into_iter()
        .filter_map(|changed| match changed {
            Changed::Put(document) => Some(document),
            Changed::Removed { .. } => None,
        })
        .collect())
}

async fn changed(
    session: &Session,
    which: &str,
    params: Params<'_>,
) -> Result<Vec<Changed>, Failure> {
    let sql = format!("SELECT {COLUMNS} FROM fanfare.documents WHERE {which}");
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Changed, Failure> {
    let kind: &str = row.try_get(0)?;
    let id: String = row.try_get(3)?;
    let kind = Kind::parse(kind).ok_or_else(|| {
        let place = format!("documents.kind of row {kind} {id}");
        StoreError::corrupt(place, "there is no such kind")
    })?;
    let key = DocumentKey {
        kind,
        environment: row.try_get(1)?,
        tenant: row.try_get(2)?,
        id,
    };
    let revision = row.try_get(4)?;
    let body: Option<String> = row.try_get(6)?;
    Ok(match body {
        Some(body) => Changed::Put(Document {
            key,
            revision,
            created: row.try_get(5)?,
            body,
        }),
        None => Changed::Removed { key, revision },
    })
}
