//! `GET /app/{app}/endpoint/{ep}`.

use crate::svix::call::{Answer, Call};
use crate::svix::endpoint::shown;
use crate::svix::failure::Failure;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    Ok(Answer::ok(&shown(&call.endpoint().await?)))
}
