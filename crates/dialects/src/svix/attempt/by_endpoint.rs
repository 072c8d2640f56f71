//! `GET /app/{app}/attempt/endpoint/{ep}`: the newest message's attempts first, and of each the last one.

use std::collections::HashMap;

use fanfare_domain::id::{AttemptId, DeliveryId};

use crate::svix::attempt::walk::Deliveries;
use crate::svix::attempt::{Asked, attempts, id};
use crate::svix::call::{Answer, Call};
use crate::svix::failure::Failure;
use crate::svix::ids;
use crate::svix::paging::Page;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let endpoint = call.endpoint().await?;
    let page = Page::read(&call.query, |text| ids::bits(ids::ATTEMPT, text).is_some())?;
    let asked = Asked::read(&call.query)?;
    let filter = &asked.messages;
    let from = page.iterator.as_deref();
    let from = from.and_then(|text| ids::bits(ids::ATTEMPT, text));
    let from = from.map(AttemptId::from_bits);
    let oldest = from.is_none() && filter.since.is_some() && filter.until.is_none();
    let ascending = page.backwards || oldest;
    let mut walk = Deliveries {
        endpoint: &endpoint,
        // An attempt comes after its delivery.
        until: filter.until,
        ascending,
        // The delivery of the last attempt may have more: it is looked at again.
        place: from.map(|from| beside(from.delivery(), ascending)),
        looked_at: 0,
        ended: false,
    };
    let needs_messages = filter.needs_messages() || asked.with_message;
    let mut found = Vec::new();
    let more = loop {
        let deliveries = walk.next(call).await?;
        let mut events = HashMap::new();
        if needs_messages {
            let ids: Vec<_> = deliveries.iter().map(|each| each.event).collect();
            let log = &call.fanfare().ports().log;
            let read = log.events_by_id(&endpoint.scope, &ids).await?;
            events.extend(read.into_iter().map(|event| (event.id, event)));
        }
        for delivery in deliveries {
            let event = events.get(&delivery.event);
            let fits = match event {
                Some(event) => filter.fits(event),
                None => !needs_messages && filter.fits_type(delivery.event_type.as_str()),
            };
            if !fits || found.len() > page.limit {
                continue;
            }
            let mut of_delivery = attempts(call, &endpoint.scope, &delivery).await?;
            if !ascending {
                of_delivery.reverse();
            }
            let beyond = |each: AttemptId| match from {
                None => true,
                Some(from) if ascending => each > from,
                Some(from) => each < from,
            };
            let of_delivery = of_delivery.iter();
            let fitting = of_delivery.filter(|each| beyond(each.id) && asked.fits(each));
            found.extend(fitting.map(|attempt| {
                let value = match event {
                    Some(event) => asked.shown(attempt, &delivery, event),
                    None => super::shown(attempt, &delivery, asked.with_content),
                };
                (id(attempt.id), value)
            }));
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

/// The place just before a delivery, in the direction of travel.
fn beside(delivery: DeliveryId, ascending: bool) -> DeliveryId {
    let bits = delivery.bits();
    DeliveryId::from_bits(if ascending {
        bits.saturating_sub(1)
    } else {
        bits.saturating_add(1)
    })
}
