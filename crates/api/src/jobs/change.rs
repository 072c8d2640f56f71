//! Pausing, resuming and cancelling jobs.

use axum::Json;
use axum::extract::State;
use fanfare_app::recovery::Realm;
use fanfare_domain::key::Right;

use super::form::ChangeInput;
use super::view::JobView;
use crate::auth::Acting;
use crate::body::Incoming;
use crate::place::{At, JobPath, TenantJobPath};
use crate::problem::{Problem, ProblemView};
use crate::state::Api;

/// Change a job of a tenant
///
/// Pauses it, lets it go on, cancels it, or gives it another rate. What it made stays.
#[utoipa::path(
    patch, path = "/v1/tenants/{tenant}/jobs/{job}", operation_id = "update_tenant_job",
    tag = "Jobs",
    params(TenantJobPath),
    request_body(content = ChangeInput, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The job as it is now.", body = JobView),
        (status = 409, description = "It has ended.",
            body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn update_tenant_job(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<TenantJobPath>,
    body: Incoming,
) -> Result<Json<JobView>, Problem> {
    let scope = caller.for_tenant(&api, Right::Manage, &at.tenant)?;
    change(&api, (&scope).into(), &at.job, body).await
}

/// Change a job
///
/// As one of a tenant. Needs a key that is bound to no tenant.
#[utoipa::path(
    patch, path = "/v1/jobs/{job}", operation_id = "update_job", tag = "Jobs",
    params(JobPath),
    request_body(content = ChangeInput, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The job as it is now.", body = JobView),
        (status = 409, description = "It has ended.",
            body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn update_job(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<JobPath>,
    body: Incoming,
) -> Result<Json<JobView>, Problem> {
    let environment = caller.in_environment(Right::Manage)?;
    let realm = Realm {
        environment,
        tenant: None,
    };
    change(&api, realm, &at.job, body).await
}

async fn change(
    api: &Api,
    realm: Realm<'_>,
    id: &str,
    body: Incoming,
) -> Result<Json<JobView>, Problem> {
    // First of all, so that a path that names nothing is told before faults of the body.
    api.fanfare.job(realm, id).await?;
    let given = body.read::<ChangeInput>(api).await?;
    let job = api
        .fanfare
        .change_job(realm, id, given.draft.into(), given.faults)
        .await?;
    Ok(Json(job.into()))
}
