//! `GET /app/{app}/endpoint/{ep}/msg`: the messages that were attempted at an endpoint, newest first.

use std::collections::HashMap;

use fanfare_domain::id::{DeliveryId, EventId};
use serde_json::json;

use crate::svix::attempt::walk::Deliveries;
use crate::svix::attempt::{Standing, status};
use crate::svix::call::{Answer, Call};
use crate::svix::failure::Failure;
use crate::svix::message::filter::Filter;
use crate::svix::paging::Page;
use crate::svix::{ids, message};

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let endpoint = call.endpoint().await?;
    let page = Page::read(&call.query, |text| ids::bits(ids::MESSAGE, text).is_some())?;
    let filter = Filter::read(&call.query)?;
    let wanted = status(&call.query)?;
    let with_content = call.query.truth("with_content")?.unwrap_or(true);
    let from = page.iterator.as_deref();
    let from = from.and_then(|text| ids::bits(ids::MESSAGE, text));
    let oldest = from.is_none() && filter.since.is_some() && filter.until.is_none();
    let ascending = page.backwards || oldest;
    let mut walk = Deliveries {
        endpoint: &endpoint,
        until: filter.until,
        ascending,
        // A message's own deliveries come after its bits, and before those of the next one.
        place: from.map(|bits| {
            let past = if ascending { 0xFFFF_FFFF } else { 0 };
            DeliveryId::from_bits(bits | past)
        }),
        looked_at: 0,
        ended: false,
    };
    let fanfare = call.fanfare();
    let mut found = Vec::new();
    let more = loop {
        let deliveries = walk.next(call).await?;
        // Those that were asked for stand at the time of asking; their message is found by its own delivery,
        // where it has one here.
        let own = |id: DeliveryId, event: EventId| id.event() == event;
        let mut ids = Vec::new();
        for delivery in &deliveries {
            if own(delivery.id, delivery.event) || delivery.replay_of == Some(delivery.id) {
                ids.push(delivery.event);
            }
        }
        let events = fanfare.ports().log.events_by_id(&endpoint.scope, &ids);
        let events: HashMap<_, _> = events
            .await?
            .into_iter()
            .map(|event| (event.id, event))
            .collect();
        for id in ids {
            let Some(event) = events.get(&id).filter(|event| filter.fits(event)) else {
                continue;
            };
            if !filter.fits_time(event.created_at) || found.len() > page.limit {
                continue;
            }
            let all = fanfare.deliveries_to(event, Some(endpoint.id)).await?;
            let standing = Standing::of(&all);
            let status = standing.of_message();
            if !standing.attempted || wanted.is_some_and(|wanted| wanted != status as u8) {
                continue;
            }
            let mut value = message::shown(event, with_content);
            status.put(&mut value);
            if let Some(next) = standing.next {
                value["nextAttempt"] = json!(next.to_string());
            }
            found.push((message::id(event), value));
        }
        if found.len() > page.limit {
            break true;
        }
        if walk.ended || walk.is_long() {
            break !walk.ended;
        }
    };
    Ok(page.cut(found, more, ascending))
}
