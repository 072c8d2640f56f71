//! `GET /app/{app}/msg/{msg}`.

use crate::svix::call::{Answer, Call};
use crate::svix::failure::Failure;
use crate::svix::message::shown;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let with_content = call.query.truth("with_content")?.unwrap_or(true);
    let event = call.message().await?;
    Ok(Answer::ok(&shown(&event, with_content)))
}
