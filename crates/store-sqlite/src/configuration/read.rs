//! Reading documents.

use fanfare_app::port::configuration::{
    Changed, Document, DocumentKey, DocumentQuery, IdQuery, Kind, Revision,
};
use rusqlite::Params;

use crate::failure::Failure;
use crate::reader::Reading;
use crate::row::Row;

const COLUMNS: &str = "kind, environment, tenant, id, revision, created, body";

pub(super) fn get(reading: &Reading<'_>, key: &DocumentKey) -> Result<Option<Document>, Failure> {
    let sql = format!(
        "SELECT {COLUMNS} FROM documents
        WHERE kind = ?1 AND environment = ?2 AND tenant = ?3 AND id = ?4 AND body IS NOT NULL"
    );
    let key = (key.kind.as_str(), &*key.environment, &*key.tenant, &*key.id);
    Ok(documents(reading, &sql, key)?.pop())
}

pub(super) fn list(reading: &Reading<'_>, query: &DocumentQuery) -> Result<Vec<Document>, Failure> {
    let before = query.before.unwrap_or(Revision::MAX);
    let limit = limit(query.limit);
    let kind = query.kind.as_str();
    match &query.tenant {
        Some(tenant) => {
            let sql = format!(
                "SELECT {COLUMNS} FROM documents INDEXED BY documents_tenant
                WHERE body IS NOT NULL AND kind = ?1 AND environment = ?2 AND tenant = ?3
                AND created < ?4 ORDER BY created DESC LIMIT ?5"
            );
            documents(
                reading,
                &sql,
                (kind, &*query.environment, &**tenant, before, limit),
            )
        }
        None => {
            let sql = format!(
                "SELECT {COLUMNS} FROM documents INDEXED BY documents_environment
                WHERE body IS NOT NULL AND kind = ?1 AND environment = ?2
                AND created < ?3 ORDER BY created DESC LIMIT ?4"
            );
            documents(reading, &sql, (kind, &*query.environment, before, limit))
        }
    }
}

pub(super) fn list_by_id(reading: &Reading<'_>, query: &IdQuery) -> Result<Vec<Document>, Failure> {
    let (compare, order) = if query.descending {
        ("<", "DESC")
    } else {
        (">", "ASC")
    };
    let after = match &query.after {
        Some(_) => format!("AND id {compare} ?4"),
        None => "AND ?4 IS NULL".to_owned(),
    };
    // Along the primary key, whose texts are compared byte by byte.
    let sql = format!(
        "SELECT {COLUMNS} FROM documents
        WHERE kind = ?1 AND environment = ?2 AND tenant = ?3 {after} AND body IS NOT NULL
        ORDER BY id {order} LIMIT ?5"
    );
    let kind = query.kind.as_str();
    let place = (kind, &*query.environment, &*query.tenant);
    let (after, limit) = (query.after.as_deref(), limit(query.limit));
    documents(reading, &sql, (place.0, place.1, place.2, after, limit))
}

pub(super) fn changes_after(
    reading: &Reading<'_>,
    revision: Revision,
    limit: usize,
) -> Result<Vec<Changed>, Failure> {
    let sql =
        format!("SELECT {COLUMNS} FROM documents WHERE revision > ?1 ORDER BY revision LIMIT ?2");
    changed(reading, &sql, (revision, self::limit(limit)))
}

fn documents(
    reading: &Reading<'_>,
    sql: &str,
    params: impl Params,
) -> Result<Vec<Document>, Failure> {
    let found = changed(reading, sql, params)?;
    Ok(found
        .into_iter()
        .filter_map(|changed| match changed {
            Changed::Put(document) => Some(document),
            Changed::Removed { .. } => None,
        })
        .collect())
}

fn changed(reading: &Reading<'_>, sql: &str, params: impl Params) -> Result<Vec<Changed>, Failure> {
    let mut statement = reading.connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(&Row {
            row,
            table: "documents",
            key: 4,
        })?);
    }
    Ok(found)
}

fn read(row: &Row<'_, '_>) -> Result<Changed, Failure> {
    let kind: String = row.get(0, "kind")?;
    let kind = Kind::parse(&kind).ok_or_else(|| row.corrupt("kind", "there is no such kind"))?;
    let key = DocumentKey {
        kind,
        environment: row.get(1, "environment")?,
        tenant: row.get(2, "tenant")?,
        id: row.get(3, "id")?,
    };
    let revision = row.get(4, "revision")?;
    let body: Option<String> = row.get(6, "body")?;
    Ok(match body {
        Some(body) => Changed::Put(Document {
            key,
            revision,
            created: row.get(5, "created")?,
            body,
        }),
        None => Changed::Removed { key, revision },
    })
}

fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
