//! KonPro: webhook endpoints of its API v1.
//!
//! Ids travel in bodies and queries, never in paths. A URL is asked by `OPTIONS` before it is stored,
//! after everything else was found right.
//!
//! Settings of its own: `options_check` (`true`, the default, or `false`), `signature_header`
//! (`Signature`).

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, patch, post};
use fanfare_app::event_types::EventTypeDraft;
use fanfare_app::format::Format;
use fanfare_domain::name::EventTypeName;

use crate::dialect::{Dialect, DialectSettings};
use crate::door::Door;

mod add;
mod answer;
mod check;
mod delete;
mod desk;
mod endpoint;
mod events;
mod failure;
mod fields;
mod format;
mod list;
mod update;

use desk::Desk;
use format::KonProFormat;

/// The name in settings and endpoints.
pub(crate) const NAME: &str = "konpro";

const OPTIONS_CHECK: &str = "options_check";
const SIGNATURE_HEADER: &str = "signature_header";

/// The events of the original's own page.
const EVENTS: [(&str, &str); 7] = [
    ("avatar_video.success", "An avatar video is ready"),
    ("avatar_video.fail", "An avatar video could not be made"),
    (
        "avatar_video_gif.success",
        "The GIF of an avatar video is ready",
    ),
    (
        "avatar_video_gif.fail",
        "The GIF of an avatar video could not be made",
    ),
    ("video_translate.success", "A video's translation is ready"),
    (
        "video_translate.fail",
        "A video's translation could not be made",
    ),
    ("personalized_video", "A personalized video is ready"),
];

/// The contract, as an operator set it.
pub(crate) struct KonPro {
    events: Vec<(String, String)>,
    options_check: bool,
    format: Arc<KonProFormat>,
}

impl KonPro {
    /// Reads the settings.
    ///
    /// # Errors
    /// Names the setting that can't be used.
    pub(crate) fn new(settings: &DialectSettings) -> Result<Self, String> {
        settings.only(&[OPTIONS_CHECK, SIGNATURE_HEADER])?;
        let options_check = match settings.own(OPTIONS_CHECK) {
            None | Some("true") => true,
            Some("false") => false,
            Some(_) => return Err(format!("{OPTIONS_CHECK} must be true or false")),
        };
        let header = settings.own(SIGNATURE_HEADER).unwrap_or("Signature");
        let format = KonProFormat::new(header, &settings.policy)
            .map_err(|cause| format!("{SIGNATURE_HEADER} {cause}"))?;
        let events = settings.events.clone().unwrap_or_else(|| {
            let own = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
            EVENTS.iter().map(own).collect()
        });
        for (name, _) in &events {
            EventTypeName::parse(name)
                .map_err(|cause| format!("events: the name {name:?} {cause}"))?;
        }
        Ok(Self {
            events,
            options_check,
            format: Arc::new(format),
        })
    }
}

impl Dialect for KonPro {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &["/v1/webhook"]
    }

    fn routes(&self, door: Door) -> Router {
        let desk = Desk {
            door,
            options_check: self.options_check,
            events: self.events.iter().map(|(name, _)| name.clone()).collect(),
        };
        Router::new()
            .route("/v1/webhook/endpoint.add", post(add::run))
            .route("/v1/webhook/endpoint.list", get(list::run))
            .route("/v1/webhook/endpoint.update", patch(update::run))
            .route("/v1/webhook/endpoint.delete", delete(delete::run))
            .route("/v1/webhook/webhook.list", get(events::run))
            .fallback(answer::no_such_route)
            .method_not_allowed_fallback(answer::no_such_route)
            .with_state(Arc::new(desk))
    }

    fn format(&self) -> Arc<dyn Format> {
        Arc::<KonProFormat>::clone(&self.format)
    }

    fn catalogue(&self) -> Vec<EventTypeDraft> {
        let draft = |(name, text): &(String, String)| EventTypeDraft {
            name: Some(name.clone()),
            description: Some(text.clone()),
            ..EventTypeDraft::default()
        };
        self.events.iter().map(draft).collect()
    }

    fn openapi(&self) -> &'static str {
        include_str!("konpro/openapi.json")
    }
}
