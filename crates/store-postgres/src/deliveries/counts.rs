//! How much waits, at a cost that does not grow with it: counted along an index up to a bound, and past it
//! estimated from some pages.

use std::collections::HashMap;

use fanfare_app::port::deliveries::{Backlog, Count, MOST_COUNTED};
use fanfare_domain::name::Scope;
use fanfare_domain::time::Timestamp;
use tokio::try_join;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::session::{Params, Session};

/// Pages that an estimate reads, about: enough for some thousand rows. Chance makes the figure differ by a
/// twelfth, and some more where rows lie unevenly in their pages.
const SAMPLE: i32 = 160;

/// Only along indexes in their order, which stops at a limit: the planner knows what waits from statistics that
/// may be old by millions of rows, and a table that was full once has many empty pages.
const ALONG_INDEXES: &str =
    "BEGIN; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;
    SET LOCAL enable_sort = off; SET LOCAL jit = off";

async fn along_indexes(
    session: &Session,
    sql: &str,
    params: Params<'_>,
) -> Result<Vec<Row>, Failure> {
    session
        .transaction(|| {
            Box::pin(async {
                let (_, rows, _) = try_join!(
                    biased;
                    session.batch(ALONG_INDEXES),
                    session.rows(sql, params),
                    session.batch("COMMIT"),
                )?;
                Ok(rows)
            })
        })
        .await
}

pub(super) async fn backlog(session: &Session) -> Result<Backlog, Failure> {
    // Ids sort by the time at which they were made.
    let rows = along_indexes(
        session,
        "SELECT (SELECT count(*) FROM (SELECT FROM (
                SELECT FROM fanfare.open_deliveries WHERE state = 0 AND strand IS NULL
                UNION ALL
                SELECT FROM fanfare.open_deliveries WHERE state = 0 AND strand IS NOT NULL
            ) AS those LIMIT $1) AS counted),
            (SELECT created_at FROM fanfare.open_deliveries WHERE state = 0 ORDER BY id LIMIT 1)",
        &[(&one_more(MOST_COUNTED), Type::INT8)],
    )
    .await?;
    let Some(row) = rows.first() else {
        return Ok(Backlog::default());
    };
    let (counted, oldest): (i64, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
    let counted = u64::try_from(counted).unwrap_or(0);
    let waiting = match counted > MOST_COUNTED {
        true => Count::About(sample(session).await?.values().sum::<u64>().max(counted)),
        false => Count::Exact(counted),
    };
    Ok(Backlog {
        waiting,
        oldest: oldest.map(Timestamp::from_micros),
    })
}

pub(super) async fn waiting_of(
    session: &Session,
    tenants: &[(Scope, u64)],
) -> Result<Vec<Count>, Failure> {
    if tenants.is_empty() {
        return Ok(Vec::new());
    }
    let scopes = || tenants.iter().map(|(scope, _)| scope);
    let environments: Vec<&str> = scopes().map(|scope| scope.environment.as_str()).collect();
    let names: Vec<&str> = scopes().map(|scope| scope.tenant.as_str()).collect();
    let up_to = |most: u64| most.min(MOST_COUNTED);
    let limits: Vec<i64> = (tenants.iter().map(|(_, most)| one_more(up_to(*most)))).collect();
    // By a range of one, which only the index of tenants is in the order of: with "=", the order of all ids would
    // do as well, and all that waits be read.
    let rows = along_indexes(
        session,
        "SELECT scope.id, (SELECT count(*) FROM (
            SELECT FROM fanfare.open_deliveries AS row
            WHERE row.scope >= scope.id AND row.scope <= scope.id AND row.state = 0
            ORDER BY row.scope, row.id LIMIT asked.most) AS counted)
        FROM unnest($1::text[], $2::text[], $3::bigint[])
            WITH ORDINALITY AS asked (environment, tenant, most, place)
        LEFT JOIN fanfare.scopes AS scope
            ON scope.environment = asked.environment AND scope.tenant = asked.tenant
        ORDER BY asked.place",
        &[
            (&environments, Type::TEXT_ARRAY),
            (&names, Type::TEXT_ARRAY),
            (&limits, Type::INT8_ARRAY),
        ],
    )
    .await?;
    let mut sampled = None;
    let mut counts = Vec::with_capacity(tenants.len());
    for (row, (_, most)) in rows.iter().zip(tenants) {
        let (scope, counted): (Option<i64>, i64) = (row.try_get(0)?, row.try_get(1)?);
        let counted = u64::try_from(counted).unwrap_or(0);
        counts.push(if counted <= up_to(*most) {
            Count::Exact(counted)
        } else if *most <= MOST_COUNTED {
            Count::AtLeast(counted)
        } else {
            let sampled = match &mut sampled {
                Some(sampled) => sampled,
                none => none.insert(sample(session).await?),
            };
            let about = scope.and_then(|scope| sampled.get(&scope)).copied();
            Count::About(about.unwrap_or(0).max(counted))
        });
    }
    Ok(counts)
}

/// About how many wait for each tenant, from pages taken by chance. Who has few may be missing.
async fn sample(session: &Session) -> Result<HashMap<i64, u64>, Failure> {
    let rows = session
        .rows(
            "WITH size AS (SELECT greatest(1.0, pg_relation_size('fanfare.open_deliveries')
                / current_setting('block_size')::float8 / $1) AS share)
            SELECT row.scope, (count(*) * (SELECT share FROM size))::bigint
            FROM fanfare.open_deliveries AS row TABLESAMPLE SYSTEM (100 / (SELECT share FROM size))
            WHERE row.state = 0 GROUP BY row.scope",
            &[(&SAMPLE, Type::INT4)],
        )
        .await?;
    let read = |row: &Row| {
        let about: i64 = row.try_get(1)?;
        Ok((row.try_get(0)?, u64::try_from(about).unwrap_or(0)))
    };
    rows.iter().map(read).collect()
}

fn one_more(most: u64) -> i64 {
    i64::try_from(most.saturating_add(1)).unwrap_or(i64::MAX)
}
