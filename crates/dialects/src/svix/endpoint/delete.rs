//! `DELETE /app/{app}/endpoint/{ep}`.

use crate::svix::NAME;
use crate::svix::call::{Answer, Call};
use crate::svix::endpoint::external_id;
use crate::svix::failure::Failure;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let endpoint = call.endpoint().await?;
    call.fanfare()
        .delete_external(&endpoint.scope, NAME, &external_id(&endpoint))
        .await?;
    Ok(Answer::nothing())
}
