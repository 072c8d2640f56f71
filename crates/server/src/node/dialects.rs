//! The dialects that are served, put together from the settings.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use fanfare_app::Fanfare;
use fanfare_dialects::{Binding, Dialect, Door};
use http::header::CONTENT_TYPE;

use crate::config::{ServedDialect, Settings};

/// The most bytes of a body of a dialect's management API.
const BODY_BYTES: usize = 256 * 1024;

/// The dialects of the settings, which were found to be usable when the settings were read.
pub(super) fn all(settings: &Settings) -> Vec<(&ServedDialect, Box<dyn Dialect>)> {
    let made = |served: &ServedDialect| fanfare_dialects::make(served.name, &served.settings)?.ok();
    settings
        .dialects
        .iter()
        .filter_map(|served| Some((served, made(served)?)))
        .collect()
}

/// What dialects add to the routes.
pub(crate) struct Routes {
    /// Their own routes, and where they are served.
    pub(crate) bindings: Vec<Binding>,
    /// Their OpenAPI documents, at `/openapi/NAME.json`.
    pub(crate) documents: Router,
}

/// The routes of all dialects of the settings.
pub(crate) fn routes(settings: &Settings, fanfare: &Arc<Fanfare>) -> Routes {
    let mut documents = Router::new();
    let mut bindings = Vec::new();
    for (served, dialect) in all(settings) {
        let door = Door::new(
            Arc::clone(fanfare),
            served.environment.clone(),
            served.rate.or_else(|| dialect.calls_per_minute()),
            dialect.body_bytes().unwrap_or(BODY_BYTES),
        )
        .with_catalogue(dialect.catalogue());
        let document = dialect.openapi();
        let show = move || async move { ([(CONTENT_TYPE, "application/json")], document) };
        documents = documents.route(&format!("/openapi/{}.json", dialect.name()), get(show));
        bindings.push(Binding {
            prefixes: dialect.prefixes(),
            routes: dialect.routes(door),
            host: served.host.clone(),
            below: served.below.clone(),
        });
    }
    Routes {
        bindings,
        documents,
    }
}
