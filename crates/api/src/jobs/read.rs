//! Looking jobs up.

use axum::Json;
use axum::extract::State;
use fanfare_app::recovery::Realm;
use fanfare_domain::job::Job;
use fanfare_domain::key::Right;
use http::Uri;

use super::view::JobView;
use crate::auth::Acting;
use crate::cursor::List;
use crate::page::Page;
use crate::place::{At, JobPath, TenantJobPath, TenantPath};
use crate::problem::Problem;
use crate::query::{PageParameters, Query};
use crate::state::Api;

async fn list(api: &Api, realm: Realm<'_>, uri: &Uri) -> Result<Json<Page<JobView>>, Problem> {
    let mut query = Query::of::<PageParameters>(uri);
    let window = query.window(List::Jobs);
    query.refuse_if_any()?;
    let found = api
        .fanfare
        .jobs(realm, window.after, window.fetch())
        .await?;
    Ok(Json(window.page(found, |job: &Job| job.id, JobView::from)))
}

/// List the jobs of a tenant
///
/// Those on the deliveries of all tenants are not among them.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/jobs", operation_id = "list_tenant_jobs", tag = "Jobs",
    params(TenantPath, PageParameters),
    responses((status = 200, description = "A page of jobs, newest first.", body = Page<JobView>)),
)]
pub(crate) async fn list_tenant_jobs(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<TenantPath>,
    uri: Uri,
) -> Result<Json<Page<JobView>>, Problem> {
    let scope = caller.for_tenant(&api, Right::Read, &at.tenant)?;
    list(&api, (&scope).into(), &uri).await
}

/// Get a job of a tenant
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/jobs/{job}", operation_id = "get_tenant_job", tag = "Jobs",
    params(TenantJobPath),
    responses((status = 200, description = "The job.", body = JobView)),
)]
pub(crate) async fn get_tenant_job(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<TenantJobPath>,
) -> Result<Json<JobView>, Problem> {
    let scope = caller.for_tenant(&api, Right::Read, &at.tenant)?;
    let job = api.fanfare.job((&scope).into(), &at.job).await?;
    Ok(Json(job.into()))
}

/// List jobs
///
/// All of the environment: those of tenants, and those on the deliveries of all tenants. Needs a key
/// that is bound to no tenant.
#[utoipa::path(
    get, path = "/v1/jobs", operation_id = "list_jobs", tag = "Jobs",
    params(PageParameters),
    responses((status = 200, description = "A page of jobs, newest first.", body = Page<JobView>)),
)]
pub(crate) async fn list_jobs(
    State(api): State<Api>,
    caller: Acting,
    uri: Uri,
) -> Result<Json<Page<JobView>>, Problem> {
    let environment = caller.in_environment(Right::Read)?;
    let realm = Realm {
        environment,
        tenant: None,
    };
    list(&api, realm, &uri).await
}

/// Get a job
///
/// Needs a key that is bound to no tenant.
#[utoipa::path(
    get, path = "/v1/jobs/{job}", operation_id = "get_job", tag = "Jobs",
    params(JobPath),
    responses((status = 200, description = "The job.", body = JobView)),
)]
pub(crate) async fn get_job(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<JobPath>,
) -> Result<Json<JobView>, Problem> {
    let environment = caller.in_environment(Right::Read)?;
    let realm = Realm {
        environment,
        tenant: None,
    };
    let job = api.fanfare.job(realm, &at.job).await?;
    Ok(Json(job.into()))
}
