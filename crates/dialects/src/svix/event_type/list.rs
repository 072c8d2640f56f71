//! `GET /event-type`: by name, whatever `order` says.

use crate::svix::call::{Answer, Call};
use crate::svix::event_type::{shown, visible};
use crate::svix::failure::Failure;
use crate::svix::paging::Page;
use crate::svix::rules::is_plain;

/// Types that are read at a time.
const STEP: usize = 250;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let page = Page::read(&call.query, is_plain)?;
    let archived = call.query.truth("include_archived")?.unwrap_or_default();
    let with_schemas = call.query.truth("with_content")?.unwrap_or_default();
    let (who, now) = (call.who()?, call.now());
    let mut found = Vec::new();
    let mut after = page.iterator.clone();
    loop {
        let types = call
            .fanfare()
            .event_types_by_name(&who.environment, after.as_deref(), page.backwards, STEP)
            .await?;
        after = types.last().map(|last| last.name.to_string());
        let last = types.len() < STEP;
        let listed = types
            .iter()
            .filter(|each| (archived || !each.retired(now)) && visible(who, each))
            .map(|each| (each.name.to_string(), shown(each, now, with_schemas)));
        found.extend(listed.take(page.wanted() - found.len()));
        if last || found.len() == page.wanted() {
            return Ok(page.answer(found));
        }
    }
}
