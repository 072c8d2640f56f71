//! `GET /app/{app}/attempt/msg/{msg}`, and the older lists below a message.
//!
//! A message has few attempts, so the newest of each delivery are read, and put into the order of their time.

use std::cmp::Reverse;

use fanfare_domain::id::{AttemptId, EndpointId};

use crate::svix::attempt::{Asked, attempts, id, is_ours};
use crate::svix::call::{Answer, Call};
use crate::svix::failure::Failure;
use crate::svix::ids;
use crate::svix::paging::Page;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let scope = call.scope()?;
    let only = match call
        .query
        .text("endpoint_id")
        .filter(|text| !text.is_empty())
    {
        Some(text) => Some(call.endpoint_named(&scope, text).await?.id),
        None => None,
    };
    list(call, only).await
}

/// `GET /app/{app}/msg/{msg}/endpoint/{ep}/attempt`.
pub(in crate::svix) async fn of_endpoint(call: &Call) -> Result<Answer, Failure> {
    let scope = call.scope()?;
    let endpoint = call.endpoint_named(&scope, call.parameter(2)).await?;
    list(call, Some(endpoint.id)).await
}

async fn list(call: &Call, only: Option<EndpointId>) -> Result<Answer, Failure> {
    let page = Page::read(&call.query, |text| ids::bits(ids::ATTEMPT, text).is_some())?;
    let asked = Asked::read(&call.query)?;
    let event = call.message().await?;
    let mut all = Vec::new();
    if asked.messages.fits(&event) {
        for delivery in call.fanfare().deliveries_to(&event, only).await? {
            if !is_ours(call, delivery.endpoint) {
                continue;
            }
            let of_delivery = attempts(call, &event.scope, &delivery).await?;
            let fitting = of_delivery.into_iter().filter(|each| asked.fits(each));
            all.extend(fitting.map(|attempt| {
                let value = asked.shown(&attempt, &delivery, &event);
                ((attempt.started_at, attempt.id), value)
            }));
        }
    }
    all.sort_by_key(|(place, _)| Reverse(*place));
    if page.backwards {
        all.reverse();
    }
    let from = page.iterator.as_deref();
    let from = from.and_then(|text| ids::bits(ids::ATTEMPT, text));
    let mut rest = all.into_iter();
    if let Some(from) = from.map(AttemptId::from_bits) {
        // Up to the one that was the last; nothing follows one that is not there.
        let _ = rest.find(|((_, each), _)| *each == from);
    }
    let found = rest.take(page.wanted());
    let found = found.map(|((_, attempt), value)| (id(attempt), value));
    Ok(page.answer(found.collect()))
}
