//! `POST /app/{app}/msg/{msg}/endpoint/{ep}/resend`.

use serde_json::json;

use crate::svix::call::{Answer, Call};
use crate::svix::failure::Failure;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let event = call.message().await?;
    let endpoint = call.endpoint_named(&event.scope, call.parameter(2)).await?;
    if event.payload_gone() {
        let message = "the message's payload is not kept any more";
        return Err(Failure::bad("missing_payload", message));
    }
    call.fanfare().send_to(&event, &endpoint).await?;
    Ok(Answer::accepted(&json!({})))
}
