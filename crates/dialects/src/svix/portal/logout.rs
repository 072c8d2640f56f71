//! `POST /auth/logout`: revokes a portal token, where it is one of our keys. A JWT counts until its end.

use http::StatusCode;

use crate::svix::call::{Answer, Call};
use crate::svix::failure::Failure;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let revocable = call.who.as_ref().and_then(|who| {
        let key = who.key.as_ref()?;
        who.application.as_ref().map(|_| (&who.environment, key))
    });
    match revocable {
        Some((environment, key)) => {
            call.fanfare().delete_key(environment, key).await?;
            Ok(Answer::nothing())
        }
        None => Err(Failure::Told(
            StatusCode::NOT_IMPLEMENTED,
            "not_implemented",
            "this token can't be revoked; it counts until its end".to_owned(),
        )),
    }
}
