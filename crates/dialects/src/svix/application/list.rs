//! `GET /app`.

use fanfare_domain::name::{Scope, TenantId};

use crate::svix::application::shown;
use crate::svix::call::{Answer, Call};
use crate::svix::failure::Failure;
use crate::svix::ids;
use crate::svix::paging::Page;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let environment = call.environment()?;
    let directory = call.fanfare().directory();
    let names_one = |text: &str| {
        let tenant = TenantId::parse(text).ok();
        let scope = |tenant| Scope {
            environment: environment.clone(),
            tenant,
        };
        // One that was deleted meanwhile is still a place in the list; one of another form has to be there.
        ids::well_formed(ids::APPLICATION, text)
            || tenant.is_some_and(|tenant| directory.has_tenant(&scope(tenant)))
    };
    let page = Page::read(&call.query, names_one)?;
    let orders = [("ascending", false), ("descending", true)];
    let descending = call.query.one_of("order", &orders)?.unwrap_or(false);
    let found = call
        .fanfare()
        .tenants_by_id(
            environment,
            page.iterator.as_deref(),
            descending != page.backwards,
            page.wanted(),
        )
        .await?;
    let shown = |tenant| {
        let value = shown(&tenant);
        (tenant.id.to_string(), value)
    };
    Ok(page.answer(found.into_iter().map(shown).collect()))
}
