//! Filters of messages, which lists of attempts have too.

use std::time::Duration;

use fanfare_app::port::log::Event;
use fanfare_domain::time::Timestamp;

use super::{CHANNELS, TAGS};
use crate::svix::failure::Failure;
use crate::svix::query::Query;

/// Which messages are asked for.
#[derive(Debug)]
pub(in crate::svix) struct Filter {
    channel: Option<String>,
    tag: Option<String>,
    types: Vec<String>,
    /// Only what was made at this time or later.
    pub(in crate::svix) since: Option<Timestamp>,
    /// Only what was made before this time.
    pub(in crate::svix) until: Option<Timestamp>,
}

impl Filter {
    pub(in crate::svix) fn read(query: &Query) -> Result<Self, Failure> {
        let text = |name: &str| query.text(name).filter(|text| !text.is_empty());
        Ok(Self {
            channel: text("channel").map(str::to_owned),
            tag: text("tag").map(str::to_owned),
            types: query.event_types()?,
            // Later than it, to the microsecond.
            since: query
                .time("after")?
                .map(|after| after.after(Duration::from_micros(1))),
            until: query.time("before")?,
        })
    }

    /// Whether messages have to be looked at, besides their time and type.
    pub(in crate::svix) fn needs_messages(&self) -> bool {
        self.channel.is_some() || self.tag.is_some()
    }

    pub(in crate::svix) fn fits_type(&self, event_type: &str) -> bool {
        self.types.is_empty() || self.types.iter().any(|each| each == event_type)
    }

    /// Whether a message fits, its time aside.
    pub(in crate::svix) fn fits(&self, event: &Event) -> bool {
        let has = |attribute: &str, wanted: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| {
                let values = event.attributes.get(attribute);
                values.is_some_and(|values| values.contains(wanted))
            })
        };
        self.fits_type(event.event_type.as_str())
            && has(CHANNELS, &self.channel)
            && has(TAGS, &self.tag)
    }

    pub(in crate::svix) fn fits_time(&self, at: Timestamp) -> bool {
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }
}
