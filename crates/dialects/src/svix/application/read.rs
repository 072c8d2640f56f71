//! `GET /app/{app}`.

use crate::svix::application::shown;
use crate::svix::call::{Answer, Call};
use crate::svix::failure::Failure;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let tenant = call.tenant(&call.scope()?).await?;
    Ok(Answer::ok(&shown(&tenant)))
}
