//! Nursa: user webhooks, facility webhooks and their log, of its Public API v2.
//!
//! Every success is answered 201. What is wrong with a body is told in the words of the validation
//! library behind the original, all that applies and in its order.
//!
//! A setting of its own: `facility_events`, names separated by commas or semicolons, in place of the
//! original's events of facility webhooks. The setting `events` that all dialects have is that of user
//! webhooks.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, patch};
use fanfare_app::event_types::EventTypeDraft;
use fanfare_app::format::Format;
use fanfare_domain::name::EventTypeName;

use crate::dialect::{Dialect, DialectSettings};
use crate::door::Door;

mod answer;
mod create;
mod delete;
mod desk;
mod failure;
mod format;
mod group;
mod list;
mod log;
mod update;
mod validate;
mod webhook;

use answer::no_such_route;
use desk::{Desk, Room};
use format::NursaFormat;
use group::Group;

/// The name in settings and endpoints.
pub(crate) const NAME: &str = "nursa";

const FACILITY_EVENTS: &str = "facility_events";
/// The original's limit, for each token.
const CALLS_PER_MINUTE: u32 = 100;

/// The contract, as an operator set it.
pub(crate) struct Nursa {
    user: Arc<Group>,
    facility: Arc<Group>,
    format: Arc<NursaFormat>,
}

impl Nursa {
    /// Reads the settings.
    ///
    /// # Errors
    /// Names the setting that can't be used.
    pub(crate) fn new(settings: &DialectSettings) -> Result<Self, String> {
        settings.only(&[FACILITY_EVENTS])?;
        let user = match &settings.events {
            Some(events) => Group::user(events.clone()),
            None => Group::user(group::user_events()),
        };
        let facility = match settings.own(FACILITY_EVENTS) {
            Some(names) => Group::facility(listed(names)),
            None => Group::facility(group::facility_events()),
        };
        for (setting, group) in [("events", &user), (FACILITY_EVENTS, &facility)] {
            for name in group.names() {
                if name == group::ALL {
                    return Err(format!("{setting}: {name:?} stands for all events"));
                }
                EventTypeName::parse(name)
                    .map_err(|cause| format!("{setting}: the name {name:?} {cause}"))?;
            }
        }
        Ok(Self {
            user: Arc::new(user),
            facility: Arc::new(facility),
            format: Arc::new(NursaFormat::new(&settings.policy)),
        })
    }
}

fn listed(names: &str) -> Vec<(String, String)> {
    let names = names.split([',', ';']).map(str::trim);
    names
        .filter(|name| !name.is_empty())
        .map(|name| (name.to_owned(), String::new()))
        .collect()
}

/// The operations on the webhooks of one group.
fn webhooks(desk: &Arc<Desk>, group: &Arc<Group>) -> Router {
    let path = format!("/api/v2/public/webhooks/{}", group.name);
    let room = Room {
        desk: Arc::clone(desk),
        group: Arc::clone(group),
    };
    Router::new()
        .route(&path, get(list::run).post(create::run))
        .route(
            &format!("{path}/{{id}}"),
            patch(update::run).delete(delete::run),
        )
        .with_state(room)
}

impl Dialect for Nursa {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &["/api/v2/public"]
    }

    fn routes(&self, door: Door) -> Router {
        let desk = Arc::new(Desk { door });
        let room = Room {
            desk: Arc::clone(&desk),
            group: Arc::clone(&self.facility),
        };
        Router::new()
            .route("/api/v2/public/webhooks/logs", get(log::run))
            .with_state(room)
            .merge(webhooks(&desk, &self.user))
            .merge(webhooks(&desk, &self.facility))
            .fallback(no_such_route)
            .method_not_allowed_fallback(no_such_route)
    }

    fn format(&self) -> Arc<dyn Format> {
        Arc::<NursaFormat>::clone(&self.format)
    }

    fn catalogue(&self) -> Vec<EventTypeDraft> {
        let draft = |(name, text): &(String, String)| EventTypeDraft {
            name: Some(name.clone()),
            description: Some(text.clone()),
            ..EventTypeDraft::default()
        };
        let events = self.user.events.iter().chain(&self.facility.events);
        events.map(draft).collect()
    }

    fn calls_per_minute(&self) -> Option<u32> {
        Some(CALLS_PER_MINUTE)
    }

    fn openapi(&self) -> &'static str {
        include_str!("nursa/openapi.json")
    }
}
