//! Beginning jobs by filter.

use axum::extract::State;
use axum::response::Response;
use fanfare_app::recovery::Realm;
use fanfare_domain::key::Right;

use super::form::JobInput;
use super::view::{JobView, begun};
use crate::auth::Acting;
use crate::body::Incoming;
use crate::place::{At, TenantPath};
use crate::problem::Problem;
use crate::state::Api;

/// Begin a job on the deliveries of a tenant
///
/// A retry makes a replay of each delivery that ended so; one that was repeated before is judged by its
/// repetition, and what waits is left alone.
///
/// A cancellation ends deliveries that wait as `discarded` with the reason `cancelled`. Nothing is sent of
/// a delivery after its end; an attempt that is under way ends first, and what would be attempted again
/// after it is cancelled then.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/jobs", operation_id = "create_tenant_job", tag = "Jobs",
    params(TenantPath),
    request_body = JobInput,
    responses(
        (status = 202, description = "The job, which goes on by itself.", body = JobView,
            headers(("Location" = String, description = "Its path."))),
    ),
)]
pub(crate) async fn create_tenant_job(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<TenantPath>,
    body: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.for_tenant(&api, Right::Manage, &at.tenant)?;
    let given = body.read::<JobInput>(&api).await?;
    let job = api
        .fanfare
        .make_job((&scope).into(), given.draft.into(), given.faults)
        .await?;
    Ok(begun(job))
}

/// Begin a job on the deliveries of all tenants
///
/// As on those of one tenant. Needs a key that is bound to no tenant.
#[utoipa::path(
    post, path = "/v1/jobs", operation_id = "create_job", tag = "Jobs",
    request_body = JobInput,
    responses(
        (status = 202, description = "The job, which goes on by itself.", body = JobView,
            headers(("Location" = String, description = "Its path."))),
    ),
)]
pub(crate) async fn create_job(
    State(api): State<Api>,
    caller: Acting,
    body: Incoming,
) -> Result<Response, Problem> {
    let environment = caller.in_environment(Right::Manage)?;
    let given = body.read::<JobInput>(&api).await?;
    let realm = Realm {
        environment,
        tenant: None,
    };
    let job = api
        .fanfare
        .make_job(realm, given.draft.into(), given.faults)
        .await?;
    Ok(begun(job))
}
