//! Svix: the HTTP API of its open-source server, version 1.100, as its official clients use it.
//!
//! An organisation is an environment, an application a tenant, a message an event. Which operations there
//! are says one table (`operations`), by which requests find their way too.
//!
//! Settings of its own: `jwt_secret_file`, a file with the secret of HS256 tokens of the original's form;
//! `headers`, `svix` or `webhook`, how the headers of deliveries begin; `user_agent` of deliveries;
//! `portal_url`, where links of portal access lead. The setting `events` that all dialects have is not used:
//! its users make their event types.

use std::sync::Arc;

use axum::Router;
use fanfare_app::event_types::EventTypeDraft;
use fanfare_app::format::Format;

use crate::dialect::{Dialect, DialectSettings};
use crate::door::Door;

mod announcer;
mod application;
mod attempt;
mod call;
mod cors;
mod desk;
mod endpoint;
mod event_type;
mod failure;
mod fields;
mod format;
mod health;
mod idempotency;
mod ids;
mod import;
mod jwt;
mod message;
mod operations;
mod paging;
mod portal;
mod query;
mod rules;
mod serve;
mod settings;
mod who;

pub use import::{SvixImport, Taken};

use desk::Desk;
use format::SvixFormat;
use settings::Settings;

/// The name in settings and endpoints.
pub(crate) const NAME: &str = "svix";

/// Where all paths begin.
const PREFIX: &str = "/api/v1";
/// The most bytes of a body.
const BODY_BYTES: usize = 2 * 1_024 * 1_024;
const DOCUMENT: &str = include_str!("svix/openapi.json");

/// The contract, as an operator set it.
pub(crate) struct Svix {
    settings: Arc<Settings>,
    format: Arc<SvixFormat>,
}

impl Svix {
    /// Reads the settings.
    ///
    /// # Errors
    /// Names the setting that can't be used.
    pub(crate) fn new(settings: &DialectSettings) -> Result<Self, String> {
        let own = Settings::read(settings)?;
        let format = SvixFormat::new(&own, &settings.policy);
        Ok(Self {
            settings: Arc::new(own),
            format: Arc::new(format),
        })
    }
}

impl Dialect for Svix {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &[PREFIX]
    }

    fn routes(&self, door: Door) -> Router {
        serve::router(Arc::new(Desk {
            door,
            tokens: self.settings.tokens.clone(),
            settings: Arc::clone(&self.settings),
        }))
    }

    fn format(&self) -> Arc<dyn Format> {
        Arc::<SvixFormat>::clone(&self.format)
    }

    fn catalogue(&self) -> Vec<EventTypeDraft> {
        Vec::new()
    }

    fn body_bytes(&self) -> Option<usize> {
        Some(BODY_BYTES)
    }

    fn openapi(&self) -> &'static str {
        DOCUMENT
    }
}
