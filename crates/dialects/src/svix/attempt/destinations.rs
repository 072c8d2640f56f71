//! `GET /app/{app}/msg/{msg}/endpoint`: where a message was, or is, sent; endpoints that were deleted since
//! included.

use std::collections::BTreeMap;

use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::EndpointId;
use serde_json::json;

use crate::svix::attempt::{Standing, attempts, is_ours};
use crate::svix::call::{Answer, Call};
use crate::svix::endpoint;
use crate::svix::failure::Failure;
use crate::svix::ids;
use crate::svix::paging::Page;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let page = Page::read(&call.query, |text| ids::bits(ids::ENDPOINT, text).is_some())?;
    let event = call.message().await?;
    let fanfare = call.fanfare();
    let mut by_endpoint: BTreeMap<EndpointId, Vec<Delivery>> = BTreeMap::new();
    for delivery in fanfare.deliveries_to(&event, None).await? {
        if is_ours(call, delivery.endpoint) {
            by_endpoint
                .entry(delivery.endpoint)
                .or_default()
                .push(delivery);
        }
    }
    let from = page.iterator.as_deref();
    let from = from.and_then(|text| ids::bits(ids::ENDPOINT, text));
    let beyond = |id: EndpointId| match from {
        None => true,
        Some(from) if page.backwards => id.bits() < from,
        Some(from) => id.bits() > from,
    };
    let mut listed: Vec<_> = by_endpoint
        .into_iter()
        .filter(|(id, _)| beyond(*id))
        .collect();
    if page.backwards {
        listed.reverse();
    }
    listed.truncate(page.wanted());
    let mut found = Vec::with_capacity(listed.len());
    for (id, deliveries) in listed {
        let mut value = match fanfare.directory().target(id) {
            Some(target) => endpoint::without_metadata(&target.endpoint),
            None => {
                let newest = deliveries.first();
                let last = match newest {
                    Some(newest) => attempts(call, &event.scope, newest).await?.pop(),
                    None => None,
                };
                endpoint::deleted(id, last.as_ref())
            }
        };
        let standing = Standing::of(&deliveries);
        standing.of_destination().put(&mut value);
        value["nextAttempt"] = json!(standing.next.map(|next| next.to_string()));
        found.push((ids::shown(ids::ENDPOINT, id.bits()), value));
    }
    Ok(page.answer(found))
}
