//! `DELETE /app/{app}`.

use crate::svix::call::{Answer, Call};
use crate::svix::failure::Failure;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let scope = call.scope()?;
    let fanfare = call.fanfare();
    fanfare
        .delete_tenant(&scope.environment, scope.tenant.as_str())
        .await?;
    Ok(Answer::nothing())
}
