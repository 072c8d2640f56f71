//! `PATCH /app/{app}`.

use fanfare_domain::environment::Tenant;

use crate::svix::application::{check_name, rate_limit, set_uid, shown};
use crate::svix::call::{Answer, Call};
use crate::svix::failure::Failure;
use crate::svix::fields::{Fields, not_null};
use crate::svix::rules::{check_uid, metadata, throttle_rate};
use crate::svix::{NAME, ids};

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let scope = call.scope()?;
    let mut fields = Fields::read(&call.body)?;
    let name = not_null("name", fields.text("name")?)?;
    let uid = fields.text("uid")?.change();
    let rate = throttle_rate(&mut fields)?.change();
    let metadata = metadata(&mut fields)?;
    if let Some(name) = &name {
        check_name(&mut fields, name);
    }
    let given = uid.as_ref().and_then(Option::as_deref);
    check_uid(&mut fields, "uid", given, ids::APPLICATION);
    fields.finish()?;
    let change = |tenant: &mut Tenant| {
        if let Some(name) = &name {
            tenant.name.clone_from(name);
        }
        if let Some(uid) = &uid {
            set_uid(tenant, uid.clone());
        }
        if let Some(rate) = rate {
            tenant.rate_limit = rate_limit(rate);
        }
        if let Some(metadata) = &metadata {
            tenant.metadata.clone_from(metadata);
        }
        Ok::<_, Failure>(())
    };
    let tenant = call
        .fanfare()
        .change_external_tenant(&scope.environment, NAME, &scope.tenant, change)
        .await?;
    Ok(Answer::ok(&shown(&tenant)))
}
