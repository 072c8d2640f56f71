//! `GET /app/{app}/msg`: newest first. With `after` alone the oldest that fit, shown newest first.

use std::sync::Arc;

use fanfare_app::port::log::{Event, EventQuery, EventWalk};
use fanfare_domain::id::EventId;
use fanfare_domain::name::Scope;
use fanfare_domain::time::Timestamp;

use crate::svix::call::{Answer, Call};
use crate::svix::failure::Failure;
use crate::svix::ids;
use crate::svix::message::filter::Filter;
use crate::svix::message::{id, shown};
use crate::svix::paging::Page;

/// Messages that are read at a time.
const STEP: usize = 100;
/// Messages that are looked at for one page. Past it, the page ends early with an iterator after what was
/// looked at, and says that there is more.
const MOST: usize = 20_000;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let scope = call.scope()?;
    let page = Page::read(&call.query, |text| ids::bits(ids::MESSAGE, text).is_some())?;
    let filter = Filter::read(&call.query)?;
    let with_content = call.query.truth("with_content")?.unwrap_or(true);
    let oldest = page.iterator.is_none() && filter.since.is_some() && filter.until.is_none();
    let ascending = page.backwards || oldest;
    let from = page.iterator.as_deref();
    let from = from.and_then(|text| ids::bits(ids::MESSAGE, text));
    let mut place = from.map(EventId::from_bits);
    let mut found = Vec::new();
    let mut looked_at = 0;
    let more = loop {
        let events = read(call, &scope, &filter, place, ascending).await?;
        let last = events.len() < STEP;
        looked_at += events.len();
        place = events.last().map(|event| event.id);
        let fitting = events.iter().filter(|event| filter.fits(event));
        let fitting = fitting.map(|event| (id(event), shown(event, with_content)));
        found.extend(fitting);
        if found.len() > page.limit {
            break true;
        }
        if last || looked_at >= MOST {
            break !last;
        }
    };
    Ok(page.cut(found, more, ascending))
}

/// The next messages of a direction, their time aside not filtered yet.
async fn read(
    call: &Call,
    scope: &Scope,
    filter: &Filter,
    place: Option<EventId>,
    ascending: bool,
) -> Result<Vec<Arc<Event>>, Failure> {
    let fanfare = call.fanfare();
    if ascending {
        let walk = EventWalk {
            scope: scope.clone(),
            since: filter.since.unwrap_or_default(),
            until: filter.until.unwrap_or(Timestamp::from_micros(i64::MAX)),
            after: place,
            limit: STEP,
        };
        Ok(fanfare.ports().log.events_from(&walk).await?)
    } else {
        let query = EventQuery {
            scope: scope.clone(),
            event_type: None,
            since: filter.since,
            until: filter.until,
            before: place,
            limit: STEP,
        };
        Ok(fanfare.events(&query).await?)
    }
}
