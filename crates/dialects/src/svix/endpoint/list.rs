//! `GET /app/{app}/endpoint`.

use crate::svix::call::{Answer, Call};
use crate::svix::endpoint::{all, shown};
use crate::svix::failure::Failure;
use crate::svix::ids;
use crate::svix::paging::Page;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let scope = call.scope()?;
    let page = Page::read(&call.query, |text| ids::bits(ids::ENDPOINT, text).is_some())?;
    let orders = [("ascending", false), ("descending", true)];
    let descending = call.query.one_of("order", &orders)?.unwrap_or(true);
    let mut endpoints = all(call, &scope).await?;
    if descending != page.backwards {
        endpoints.reverse();
    }
    let from = page
        .iterator
        .as_deref()
        .and_then(|text| ids::bits(ids::ENDPOINT, text));
    let beyond = |bits: u128| match from {
        None => true,
        Some(from) if descending != page.backwards => bits < from,
        Some(from) => bits > from,
    };
    let found = endpoints
        .iter()
        .filter(|endpoint| beyond(endpoint.id.bits()))
        .take(page.wanted())
        .map(|endpoint| {
            let id = ids::shown(ids::ENDPOINT, endpoint.id.bits());
            (id, shown(endpoint))
        });
    Ok(page.answer(found.collect()))
}
