//! `POST /app`.

use crate::svix::application::{ApplicationIn, made, shown};
use crate::svix::call::{Answer, Call};
use crate::svix::failure::Failure;
use crate::svix::fields::Fields;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let get_if_exists = call.query.truth("get_if_exists")?.unwrap_or_default();
    let given = ApplicationIn::read(Fields::read(&call.body)?)?;
    let uid = given.uid.clone();
    let there = async || {
        let scope = call.application_named(uid.as_deref()?).ok()?;
        Some(call.tenant(&scope).await)
    };
    if get_if_exists && let Some(tenant) = there().await {
        return Ok(Answer::ok(&shown(&tenant?)));
    }
    match made(call.fanfare(), call.environment()?, given).await {
        Ok(tenant) => Ok(Answer::created(&shown(&tenant))),
        // Somebody was faster.
        Err(refused) if get_if_exists => match there().await {
            Some(tenant) => Ok(Answer::ok(&shown(&tenant?))),
            None => Err(refused),
        },
        Err(refused) => Err(refused),
    }
}
