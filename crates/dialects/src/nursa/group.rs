//! The two groups of webhooks: of users and of facilities.

use fanfare_domain::endpoint::Subscription;
use fanfare_domain::name::EventTypeName;

/// The member of the lists that stands for all events of its group. Never an event's own type.
pub(super) const ALL: &str = "all";

/// A group of webhooks, with the events that it knows.
pub(super) struct Group {
    /// In paths, and in what is kept of a webhook.
    pub(super) name: &'static str,
    /// The events, with what people should know of them, in the order of the messages.
    pub(super) events: Vec<(String, String)>,
    /// Whether its webhooks can be narrowed to facilities. The events of such a webhook need not be
    /// sent again with each change.
    pub(super) of_facilities: bool,
    /// What a member of `events` must be, in the original's words.
    pub(super) one_of: String,
}

/// The events of user webhooks.
pub(super) fn user_events() -> Vec<(String, String)> {
    let events = [
        (
            "facility.user-connection.accepted",
            "A user's connection to a facility was accepted",
        ),
        (
            "facility.user-connection.rejected",
            "A user's connection to a facility was rejected",
        ),
        (
            "facility.creation.accepted",
            "The creation of a facility was accepted",
        ),
        (
            "facility.creation.rejected",
            "The creation of a facility was rejected",
        ),
    ];
    owned(&events)
}

/// The events of facility webhooks.
pub(super) fn facility_events() -> Vec<(String, String)> {
    let events = [
        ("shift.request.created", "A shift was requested"),
        (
            "shift.request.cancelled",
            "The request of a shift was cancelled",
        ),
        ("shift.report.created", "A shift's report was created"),
        (
            "shift.scheduled.cancelled",
            "A scheduled shift was cancelled",
        ),
        ("shift.scheduled", "A shift was scheduled"),
        ("shift.created", "A shift was created"),
        (
            "shift.report.accepted-automatically",
            "A shift's report was accepted automatically",
        ),
        ("shift.report.accepted", "A shift's report was accepted"),
        ("shift.report.rejected", "A shift's report was rejected"),
        ("shift.cancelled", "A shift was cancelled"),
    ];
    owned(&events)
}

fn owned(events: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    events.iter().map(owned).collect()
}

impl Group {
    /// User webhooks: `all` comes first in their message.
    pub(super) fn user(events: Vec<(String, String)>) -> Self {
        let names = events.iter().map(|(name, _)| name.as_str());
        let values: Vec<_> = [ALL].into_iter().chain(names).collect();
        Self {
            name: "user",
            one_of: values.join(", "),
            events,
            of_facilities: false,
        }
    }

    /// Facility webhooks: `all` comes last in their message.
    pub(super) fn facility(events: Vec<(String, String)>) -> Self {
        let names = events.iter().map(|(name, _)| name.as_str());
        let values: Vec<_> = names.chain([ALL]).collect();
        Self {
            name: "facility",
            one_of: values.join(", "),
            events,
            of_facilities: true,
        }
    }

    /// The names of its events.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.events.iter().map(|(name, _)| name.as_str())
    }

    /// Whether a text can be a member of `events`.
    pub(super) fn knows(&self, name: &str) -> bool {
        name == ALL || self.names().any(|known| known == name)
    }

    /// What a webhook with these members takes, each event once.
    pub(super) fn taken(&self, given: &[String]) -> Vec<Subscription> {
        let all = given.iter().any(|name| name == ALL);
        self.names()
            .filter(|name| all || given.iter().any(|each| each == name))
            .filter_map(|name| EventTypeName::parse(name).ok())
            .map(Subscription::Type)
            .collect()
    }
}
