//! Collect: webhooks of its API v1.
//!
//! A webhook is changed by a partial POST. Its secret token is no signature: it is sent as it is, in a
//! header. A delivery that could not be made within 24 hours pauses the webhook.
//!
//! Settings of its own: `token_header` (`X-Collect-Secret-Token`), and `date_form`: `page`, as the
//! original's page has it (`2022-07-13 15:01:38 UTC`), the default, or `rfc3339`
//! (`2022-07-13T15:01:38Z`).

use std::sync::Arc;

use axum::Router;
use axum::routing::any;
use fanfare_app::event_types::EventTypeDraft;
use fanfare_app::format::Format;

use crate::dialect::{Dialect, DialectSettings};
use crate::door::Door;

mod add;
mod answer;
mod date;
mod delete;
mod desk;
mod events;
mod failure;
mod fields;
mod format;
mod id;
mod list;
mod modify;
mod read;
mod token;
mod webhook;

use date::DateForm;
use desk::Desk;
use events::Events;
use format::CollectFormat;

/// The name in settings and endpoints.
pub(crate) const NAME: &str = "collect";

/// The attribute of events that `campaignId` is compared with.
const CAMPAIGN: &str = "campaign_id";

const TOKEN_HEADER: &str = "token_header";
const DATE_FORM: &str = "date_form";

/// The contract, as an operator set it.
pub(crate) struct Collect {
    events: Arc<Events>,
    format: Arc<CollectFormat>,
    dates: DateForm,
    https_only: bool,
}

impl Collect {
    /// Reads the settings.
    ///
    /// # Errors
    /// Names the setting that can't be used.
    pub(crate) fn new(settings: &DialectSettings) -> Result<Self, String> {
        settings.only(&[TOKEN_HEADER, DATE_FORM])?;
        let dates = match settings.own(DATE_FORM) {
            None | Some("page") => DateForm::Page,
            Some("rfc3339") => DateForm::Rfc3339,
            Some(_) => return Err(format!("{DATE_FORM} must be page or rfc3339")),
        };
        let header = settings
            .own(TOKEN_HEADER)
            .unwrap_or("X-Collect-Secret-Token");
        let format = CollectFormat::new(header, dates, &settings.policy)
            .map_err(|cause| format!("{TOKEN_HEADER} {cause}"))?;
        Ok(Self {
            events: Arc::new(Events::new(settings.events.as_deref())?),
            format: Arc::new(format),
            dates,
            https_only: settings.https_only,
        })
    }
}

impl Dialect for Collect {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &["/v1/webhooks"]
    }

    fn routes(&self, door: Door) -> Router {
        let desk = Desk {
            door,
            events: Arc::clone(&self.events),
            dates: self.dates,
            https_only: self.https_only,
        };
        // Any other method is no operation: 404, and so without the header `Allow`.
        let all = any(answer::no_such_route).get(list::run).post(add::run);
        let one = any(answer::no_such_route)
            .get(read::run)
            .post(modify::run)
            .delete(delete::run);
        Router::new()
            .route("/v1/webhooks", all)
            .route("/v1/webhooks/{webhook_id}", one)
            .fallback(answer::no_such_route)
            .with_state(Arc::new(desk))
    }

    fn format(&self) -> Arc<dyn Format> {
        Arc::<CollectFormat>::clone(&self.format)
    }

    fn catalogue(&self) -> Vec<EventTypeDraft> {
        self.events.catalogue()
    }

    fn openapi(&self) -> &'static str {
        include_str!("collect/openapi.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Result<Collect, String> {
        let mut settings = DialectSettings::default();
        settings.own.insert(name.to_owned(), value.to_owned());
        Collect::new(&settings)
    }

    #[test]
    fn a_setting_that_can_not_be_used_is_named() {
        for (name, good, bad) in [
            ("date_form", "rfc3339", "seconds"),
            ("token_header", "X-Secret", "a b"),
            ("token_header", "X-Secret", "content-length"),
        ] {
            assert!(with(name, good).is_ok());
            let refused = with(name, bad).err().unwrap();
            assert!(refused.starts_with(name), "{refused}");
        }
        assert!(with("header", "x").err().unwrap().contains("token_header"));
    }
}
