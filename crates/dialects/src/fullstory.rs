//! FullStory: webhooks of its API v1 ("system interaction webhooks").
//!
//! An endpoint's id is its URL in base64url, so a new URL gives a new id. An update enables the
//! endpoint unless it says `disabled: true`. Empty values leave things as they are.
//!
//! A setting of its own: `org_id`, which signatures name (`o-FANFARE-na1` unless told).

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use fanfare_app::event_types::EventTypeDraft;
use fanfare_app::format::Format;

use crate::dialect::{Dialect, DialectSettings};
use crate::door::Door;

mod answer;
mod create;
mod delete;
mod desk;
mod endpoint;
mod event_types;
mod events;
mod failure;
mod fields;
mod format;
mod list;
mod page;
mod read;
mod sample;
mod stringify;
mod subcategories;
mod update;

use desk::Desk;
use events::Events;
use format::FullStoryFormat;

/// The name in settings and endpoints.
pub(crate) const NAME: &str = "fullstory";

const ORG_ID: &str = "org_id";

/// The contract, as an operator set it.
pub(crate) struct FullStory {
    events: Arc<Events>,
    format: Arc<FullStoryFormat>,
    https_only: bool,
}

impl FullStory {
    /// Reads the settings.
    ///
    /// # Errors
    /// Names the setting that can't be used.
    pub(crate) fn new(settings: &DialectSettings) -> Result<Self, String> {
        settings.only(&[ORG_ID])?;
        let org_id = settings.own(ORG_ID).unwrap_or("o-FANFARE-na1");
        let format = FullStoryFormat::new(org_id, &settings.policy)
            .map_err(|cause| format!("{ORG_ID} {cause}"))?;
        Ok(Self {
            events: Arc::new(Events::new(settings.events.as_deref())?),
            format: Arc::new(format),
            https_only: settings.https_only,
        })
    }
}

impl Dialect for FullStory {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &["/webhooks/v1"]
    }

    fn routes(&self, door: Door) -> Router {
        let desk = Desk {
            door,
            events: Arc::clone(&self.events),
            https_only: self.https_only,
        };
        Router::new()
            .route("/webhooks/v1/endpoints", get(list::run).post(create::run))
            .route(
                "/webhooks/v1/endpoints/{id}",
                get(read::run).post(update::run).delete(delete::run),
            )
            .route("/webhooks/v1/event-types", get(event_types::run))
            .route(
                "/webhooks/v1/event-types/{event_name}/subcategories",
                get(subcategories::run),
            )
            .route(
                "/webhooks/v1/event-types/{event_name}/sample",
                get(sample::run),
            )
            .fallback(answer::no_such_route)
            .method_not_allowed_fallback(answer::no_such_method)
            .with_state(Arc::new(desk))
    }

    fn format(&self) -> Arc<dyn Format> {
        Arc::<FullStoryFormat>::clone(&self.format)
    }

    fn catalogue(&self) -> Vec<EventTypeDraft> {
        self.events.catalogue()
    }

    fn openapi(&self) -> &'static str {
        include_str!("fullstory/openapi.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Result<FullStory, String> {
        let mut settings = DialectSettings::default();
        settings.own.insert(name.to_owned(), value.to_owned());
        FullStory::new(&settings)
    }

    #[test]
    fn an_org_id_that_receivers_could_not_split_off_is_refused() {
        assert!(with("org_id", "o-TEST1-na1").is_ok());
        for bad in ["", "a:b", "a,b", "a b", "ä", "a\n"] {
            let refused = with("org_id", bad).err().unwrap();
            assert!(refused.starts_with("org_id must "), "{refused}");
        }
        assert!(with("orgid", "x").err().unwrap().contains("org_id"));
    }
}
