//! `GET /app/{app}/msg/{msg}/attempt/{attempt}`.

use crate::svix::attempt::{named, shown};
use crate::svix::call::{Answer, Call};
use crate::svix::failure::Failure;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let (delivery, attempt) = named(call).await?;
    Ok(Answer::ok(&shown(&attempt, &delivery, true)))
}
