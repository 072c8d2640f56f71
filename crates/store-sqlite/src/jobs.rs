//! Jobs, which stand beside the deliveries.

use fanfare_app::port::error::StoreError;
use fanfare_app::port::jobs::{JobBounds, JobChanged, JobMade, JobQuery, JobStep, KeptJob};
use fanfare_app::stored::code;
use fanfare_domain::id::JobId;
use fanfare_domain::job::Job;
use fanfare_domain::name::EnvironmentId;
use fanfare_domain::time::Timestamp;
use rusqlite::{Connection, Params};

use crate::deliveries::settle;
use crate::failure::Failure;
use crate::reader::Reading;
use crate::row::Row;
use crate::writer::Writing;

/// About how many bytes a job's row has.
pub(crate) const WEIGHT: usize = 1_024;

/// The most jobs that one commit forgets.
pub(crate) const AT_ONCE: usize = 1_000;

fn write(job: &Job) -> Result<String, Failure> {
    serde_json::to_string(job).map_err(|cause| StoreError::unavailable(cause).into())
}

pub(crate) fn make(
    writing: &Writing<'_>,
    job: &Job,
    bounds: JobBounds,
) -> Result<JobMade, Failure> {
    let connection = writing.connection;
    let tenant = job.tenant.as_ref().map(|tenant| tenant.as_str());
    let mut open = connection.prepare_cached(
        "SELECT count(*), count(*) FILTER (WHERE environment = ?1 AND tenant IS ?2)
        FROM jobs INDEXED BY jobs_open WHERE state <= 1",
    )?;
    let (in_all, of_tenant): (i64, i64) = open
        .query_row((job.environment.as_str(), tenant), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let reached = |count: i64, most: usize| usize::try_from(count).is_ok_and(|count| count >= most);
    if reached(in_all, bounds.in_all) {
        return Ok(JobMade::TooMany);
    }
    if reached(of_tenant, bounds.of_tenant) {
        return Ok(JobMade::TenantHasTooMany);
    }
    connection
        .prepare_cached(
            "INSERT INTO jobs (id, environment, tenant, state, ended_at, revision, body)
            VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6)",
        )?
        .execute((
            job.id.to_bytes(),
            job.environment.as_str(),
            tenant,
            code::of_job_state(job.state),
            job.ended_at.map(Timestamp::micros),
            write(job)?,
        ))?;
    Ok(JobMade::Made)
}

pub(crate) fn change(writing: &mut Writing<'_>, step: &JobStep) -> Result<JobChanged, Failure> {
    let job = &step.job;
    let changed = writing
        .connection
        .prepare_cached(
            "UPDATE jobs SET state = ?3, ended_at = ?4, body = ?5, revision = revision + 1
            WHERE id = ?1 AND revision = ?2",
        )?
        .execute((
            job.id.to_bytes(),
            step.revision,
            code::of_job_state(job.state),
            job.ended_at.map(Timestamp::micros),
            write(job)?,
        ))?;
    if changed == 0 {
        return Ok(JobChanged::Outdated);
    }
    let settled = settle::all(writing, &step.settlements, None)?;
    Ok(JobChanged::Done(settled))
}

pub(crate) fn forget(
    writing: &Writing<'_>,
    ended_before: Timestamp,
    limit: usize,
) -> Result<usize, Failure> {
    let limit = i64::try_from(limit.min(AT_ONCE)).unwrap_or(0);
    Ok(writing
        .connection
        .prepare_cached(
            "DELETE FROM jobs WHERE id IN (
                SELECT id FROM jobs INDEXED BY jobs_ended
                WHERE ended_at IS NOT NULL AND ended_at < ?1 ORDER BY ended_at LIMIT ?2)",
        )?
        .execute((ended_before.micros(), limit))?)
}

pub(crate) fn one(
    reading: &Reading<'_>,
    environment: &EnvironmentId,
    id: JobId,
) -> Result<Option<KeptJob>, Failure> {
    let rest = "WHERE id = ?1 AND environment = ?2";
    let place = (id.to_bytes(), environment.as_str());
    Ok(collect(reading.connection, rest, place)?.pop())
}

pub(crate) fn page(reading: &Reading<'_>, query: &JobQuery) -> Result<Vec<KeptJob>, Failure> {
    let before = query
        .before
        .map_or_else(|| vec![0xFF; 17], |id| id.to_bytes().to_vec());
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    let environment = query.environment.as_str();
    match &query.tenant {
        Some(tenant) => collect(
            reading.connection,
            "INDEXED BY jobs_tenant WHERE environment = ?1 AND tenant = ?2 AND id < ?3
            ORDER BY id DESC LIMIT ?4",
            (environment, tenant.as_str(), before, limit),
        ),
        None => collect(
            reading.connection,
            "WHERE environment = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
            (environment, before, limit),
        ),
    }
}

pub(crate) fn running(reading: &Reading<'_>, limit: usize) -> Result<Vec<KeptJob>, Failure> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rest = "INDEXED BY jobs_open WHERE state = 0 AND state <= 1 ORDER BY id LIMIT ?1";
    collect(reading.connection, rest, [limit])
}

fn collect(
    connection: &Connection,
    rest: &str,
    params: impl Params,
) -> Result<Vec<KeptJob>, Failure> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT id, revision, body FROM jobs {rest}"))?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let row = Row {
            row,
            table: "jobs",
            key: 1,
        };
        let body: String = row.get(2, "body")?;
        found.push(KeptJob {
            job: serde_json::from_str(&body).map_err(|error| row.corrupt("body", error))?,
            revision: row.get(1, "revision")?,
        });
    }
    Ok(found)
}
