//! `PUT /app/{app}/endpoint/{ep}`: replaces an endpoint but for its secret and headers. On an unknown path it
//! makes one, whose uid is the body's and not the path's.

use crate::svix::call::{Answer, Call};
use crate::svix::endpoint::{EndpointIn, changed, create, shown};
use crate::svix::failure::Failure;
use crate::svix::fields::Fields;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let scope = call.scope()?;
    let there = match call.endpoint_named(&scope, call.parameter(1)).await {
        Err(Failure::Told(http::StatusCode::NOT_FOUND, ..)) => None,
        found => Some(found?),
    };
    let Some(endpoint) = there else {
        let endpoint = create::made(call, &scope).await?;
        return Ok(Answer::created(&shown(&endpoint)));
    };
    let mut fields = Fields::read(&call.body)?;
    let given = EndpointIn::read(call, &mut fields)?;
    fields.finish()?;
    let now = call.now();
    let endpoint = changed(call, &endpoint, |endpoint| given.clone().put(endpoint, now)).await?;
    Ok(Answer::ok(&shown(&endpoint)))
}
