//! `PUT /app/{app}`: replaces an application. On an unknown path it makes one, whose uid is the body's and
//! not the path's.

use fanfare_domain::environment::Tenant;

use crate::svix::NAME;
use crate::svix::application::{ApplicationIn, made, rate_limit, set_uid, shown};
use crate::svix::call::{Answer, Call};
use crate::svix::failure::Failure;
use crate::svix::fields::Fields;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let given = ApplicationIn::read(Fields::read(&call.body)?)?;
    let (fanfare, environment) = (call.fanfare(), call.environment()?);
    let Ok(scope) = call.scope() else {
        let tenant = made(fanfare, environment, given).await?;
        return Ok(Answer::created(&shown(&tenant)));
    };
    let change = |tenant: &mut Tenant| {
        tenant.name.clone_from(&given.name);
        tenant.metadata.clone_from(&given.metadata);
        tenant.rate_limit = rate_limit(given.rate);
        set_uid(tenant, given.uid.clone());
        Ok::<_, Failure>(())
    };
    let tenant = fanfare
        .change_external_tenant(environment, NAME, &scope.tenant, change)
        .await?;
    Ok(Answer::ok(&shown(&tenant)))
}
