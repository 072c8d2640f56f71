//! `GET /event-type/{name}`.

use crate::svix::call::{Answer, Call};
use crate::svix::event_type::{shown, visible};
use crate::svix::failure::Failure;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let fanfare = call.fanfare();
    let event_type = fanfare
        .event_type(call.environment()?, call.parameter(0))
        .await?;
    if visible(call.who()?, &event_type) {
        Ok(Answer::ok(&shown(&event_type, call.now(), true)))
    } else {
        Err(Failure::not_found())
    }
}
