//! Jobs, which stand beside the deliveries.

use fanfare_app::port::error::StoreError;
use fanfare_app::port::jobs::{JobBounds, JobMade, JobQuery, KeptJob};
use fanfare_app::stored::code;
use fanfare_domain::id::JobId;
use fanfare_domain::job::Job;
use fanfare_domain::name::EnvironmentId;
use fanfare_domain::time::Timestamp;
use tokio_postgres::types::Type;

use crate::bits::{Bits, limit};
use crate::columns::Columns;
use crate::failure::Failure;
use crate::session::{BEGIN, Params, Session};

/// The most jobs that one commit forgets.
const AT_ONCE: usize = 1_000;

/// The number of the lock under which jobs are made and counted: "job" in ASCII.
const LOCK: i64 = 6_975_330;

fn text_of(job: &Job) -> Result<String, Failure> {
    serde_json::to_string(job).map_err(|cause| StoreError::unavailable(cause).into())
}

fn state_of(job: &Job) -> i16 {
    i16::try_from(code::of_job_state(job.state)).unwrap_or(i16::MAX)
}

pub(crate) async fn make(
    session: &Session,
    job: &Job,
    bounds: JobBounds,
) -> Result<JobMade, Failure> {
    session
        .transaction(|| Box::pin(make_within(session, job, bounds)))
        .await
}

async fn make_within(session: &Session, job: &Job, bounds: JobBounds) -> Result<JobMade, Failure> {
    let tenant = job.tenant.as_ref().map(|tenant| tenant.as_str());
    let begin = format!("{BEGIN}; SELECT pg_advisory_xact_lock({LOCK})");
    session.batch(&begin).await?;
    let row = session
        .row(
            "SELECT count(*), count(*) FILTER (WHERE environment = $1
                AND tenant IS NOT DISTINCT FROM $2)
            FROM fanfare.jobs WHERE state <= 1",
            &[
                (&job.environment.as_str(), Type::TEXT),
                (&tenant, Type::TEXT),
            ],
        )
        .await?;
    let (in_all, of_tenant): (i64, i64) = match row {
        Some(row) => (row.try_get(0)?, row.try_get(1)?),
        None => (0, 0),
    };
    let reached = |count: i64, most: usize| usize::try_from(count).is_ok_and(|count| count >= most);
    let refused = if reached(in_all, bounds.in_all) {
        Some(JobMade::TooMany)
    } else if reached(of_tenant, bounds.of_tenant) {
        Some(JobMade::TenantHasTooMany)
    } else {
        None
    };
    if let Some(refused) = refused {
        session.batch("ROLLBACK").await?;
        return Ok(refused);
    }
    session
        .run(
            "INSERT INTO fanfare.jobs (id, environment, tenant, state, ended_at, revision, body)
            VALUES ($1, $2, $3, $4, $5, 1, $6)",
            &[
                (&Bits(job.id.to_bytes()), Type::UUID),
                (&job.environment.as_str(), Type::TEXT),
                (&tenant, Type::TEXT),
                (&state_of(job), Type::INT2),
                (&job.ended_at.map(Timestamp::micros), Type::INT8),
                (&text_of(job)?, Type::TEXT),
            ],
        )
        .await?;
    session.batch("COMMIT").await?;
    Ok(JobMade::Made)
}

/// Inside a transaction; false where the job is another by now.
pub(crate) async fn change(session: &Session, job: &Job, expected: i64) -> Result<bool, Failure> {
    let changed = session
        .run(
            "UPDATE fanfare.jobs SET state = $3, ended_at = $4, body = $5, revision = revision + 1
            WHERE id = $1 AND revision = $2",
            &[
                (&Bits(job.id.to_bytes()), Type::UUID),
                (&expected, Type::INT8),
                (&state_of(job), Type::INT2),
                (&job.ended_at.map(Timestamp::micros), Type::INT8),
                (&text_of(job)?, Type::TEXT),
            ],
        )
        .await?;
    Ok(changed == 1)
}

pub(crate) async fn forget(
    session: &Session,
    ended_before: Timestamp,
    count: usize,
) -> Result<usize, Failure> {
    let forgotten = session
        .run(
            "DELETE FROM fanfare.jobs WHERE id IN (
                SELECT id FROM fanfare.jobs WHERE ended_at IS NOT NULL AND ended_at < $1
                ORDER BY ended_at LIMIT $2)",
            &[
                (&ended_before.micros(), Type::INT8),
                (&limit(count.min(AT_ONCE)), Type::INT8),
            ],
        )
        .await?;
    Ok(usize::try_from(forgotten).unwrap_or(usize::MAX))
}

pub(crate) async fn one(
    session: &Session,
    environment: &EnvironmentId,
    id: JobId,
) -> Result<Option<KeptJob>, Failure> {
    let mut found = collect(
        session,
        "id = $1 AND environment = $2",
        &[
            (&Bits(id.to_bytes()), Type::UUID),
            (&environment.as_str(), Type::TEXT),
        ],
    )
    .await?;
    Ok(found.pop())
}

pub(crate) async fn page(session: &Session, query: &JobQuery) -> Result<Vec<KeptJob>, Failure> {
    let before = query.before.map_or(Bits::END, |id| Bits(id.to_bytes()));
    let environment = query.environment.as_str();
    let limit = limit(query.limit);
    let Some(tenant) = query.tenant.as_ref().map(|tenant| tenant.as_str()) else {
        return collect(
            session,
            "environment = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
            &[
                (&environment, Type::TEXT),
                (&before, Type::UUID),
                (&limit, Type::INT8),
            ],
        )
        .await;
    };
    collect(
        session,
        "environment = $1 AND tenant = $2 AND id < $3 ORDER BY id DESC LIMIT $4",
        &[
            (&environment, Type::TEXT),
            (&tenant, Type::TEXT),
            (&before, Type::UUID),
            (&limit, Type::INT8),
        ],
    )
    .await
}

pub(crate) async fn running(session: &Session, count: usize) -> Result<Vec<KeptJob>, Failure> {
    collect(
        session,
        "state = 0 AND state <= 1 ORDER BY id LIMIT $1",
        &[(&limit(count), Type::INT8)],
    )
    .await
}

async fn collect(
    session: &Session,
    which: &str,
    params: Params<'_>,
) -> Result<Vec<KeptJob>, Failure> {
    let sql = format!("SELECT id, revision, body FROM fanfare.jobs WHERE {which}");
    let rows = session.rows(&sql, params).await?;
    let read = |row| {
        let row = Columns {
            row,
            table: "jobs",
            id: Some(0),
        };
        let job = serde_json::from_str(row.get(2, "body")?);
        Ok(KeptJob {
            job: job.map_err(|error| row.corrupt("body", error))?,
            revision: row.get(1, "revision")?,
        })
    };
    rows.iter().map(read).collect()
}
