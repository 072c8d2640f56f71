//! `DELETE /app/{app}/msg/{msg}/attempt/{attempt}/content`.

use crate::svix::attempt::named;
use crate::svix::call::{Answer, Call};
use crate::svix::failure::Failure;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let (delivery, attempt) = named(call).await?;
    call.fanfare()
        .expunge_response(&delivery.scope, &attempt)
        .await?;
    Ok(Answer::nothing())
}
