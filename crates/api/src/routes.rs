//! All paths of the native API.

use std::sync::Arc;

use axum::Router;
use fanfare_app::Fanfare;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::options::ApiOptions;
use crate::state::Api;
use crate::{
    deliveries, documentation, endpoints, environments, event_types, events, fallback, jobs, keys,
    openapi, tenants,
};

/// The native API: everything below `/v1`, `/openapi.json`, `/docs`, and problem documents for what is
/// not there.
pub fn router(fanfare: Arc<Fanfare>, options: ApiOptions) -> Router {
    let (paths, document) = documented();
    let api = Api {
        fanfare,
        options: Arc::new(options),
    };
    paths
        .with_state(api)
        .merge(documentation::routes(&document))
        .fallback(fallback::no_such_path)
        .method_not_allowed_fallback(fallback::no_such_method)
}

/// The operations, with the document that describes them.
pub(crate) fn documented() -> (Router<Api>, OpenApi) {
    let (paths, mut document) = OpenApiRouter::with_openapi(openapi::head())
        .routes(routes!(
            environments::create::create_environment,
            environments::read::list_environments
        ))
        .routes(routes!(environments::read::get_environment))
        .routes(routes!(keys::create::create_key, keys::read::list_keys))
        .routes(routes!(
            keys::read::get_key,
            keys::change::update_key,
            keys::delete::delete_key
        ))
        .routes(routes!(
            tenants::create::create_tenant,
            tenants::read::list_tenants
        ))
        .routes(routes!(
            tenants::read::get_tenant,
            tenants::change::replace_tenant,
            tenants::change::update_tenant,
            tenants::change::delete_tenant
        ))
        .routes(routes!(
            event_types::create::create_event_type,
            event_types::read::list_event_types
        ))
        .routes(routes!(
            event_types::read::get_event_type,
            event_types::change::replace_event_type,
            event_types::change::update_event_type,
            event_types::change::delete_event_type
        ))
        .routes(routes!(
            endpoints::create::create_endpoint,
            endpoints::read::list_endpoints
        ))
        .routes(routes!(
            endpoints::read::get_endpoint,
            endpoints::change::replace_endpoint,
            endpoints::change::update_endpoint,
            endpoints::change::delete_endpoint
        ))
        .routes(routes!(endpoints::secrets::list_endpoint_secrets))
        .routes(routes!(endpoints::secrets::rotate_endpoint_secret))
        .routes(routes!(endpoints::test::test_endpoint))
        .routes(routes!(endpoints::matching::match_endpoint))
        .routes(routes!(endpoints::stats::get_endpoint_stats))
        .routes(routes!(
            events::publish::publish_event,
            events::list::list_events
        ))
        .routes(routes!(events::batch::publish_batch))
        .routes(routes!(events::list::get_event))
        .routes(routes!(deliveries::list::list_event_deliveries))
        .routes(routes!(deliveries::list::list_deliveries))
        .routes(routes!(deliveries::list::list_endpoint_deliveries))
        .routes(routes!(deliveries::read::get_delivery))
        .routes(routes!(deliveries::read::list_attempts))
        .routes(routes!(deliveries::retry::retry_delivery))
        .routes(routes!(deliveries::skip::skip_delivery))
        .routes(routes!(jobs::recover::recover_endpoint))
        .routes(routes!(endpoints::missed::get_endpoint_missed))
        .routes(routes!(
            jobs::create::create_tenant_job,
            jobs::read::list_tenant_jobs
        ))
        .routes(routes!(
            jobs::read::get_tenant_job,
            jobs::change::update_tenant_job
        ))
        .routes(routes!(jobs::create::create_job, jobs::read::list_jobs))
        .routes(routes!(jobs::read::get_job, jobs::change::update_job))
        .split_for_parts();
    openapi::complete(&mut document);
    (paths, document)
}
