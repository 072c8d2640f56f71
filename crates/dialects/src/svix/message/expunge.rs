//! `DELETE /app/{app}/msg/{msg}/content`.

use crate::svix::call::{Answer, Call};
use crate::svix::failure::Failure;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let event = call.message().await?;
    call.fanfare().expunge_payload(&event).await?;
    Ok(Answer::nothing())
}
