//! `DELETE /event-type/{name}`: archives it, or with `expunge=true` removes it.

use fanfare_domain::event_type::EventType;

use crate::svix::call::{Answer, Call};
use crate::svix::event_type::set_archived;
use crate::svix::failure::Failure;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let expunge = call.query.truth("expunge")?.unwrap_or_default();
    let (fanfare, environment, now) = (call.fanfare(), call.environment()?, call.now());
    let name = call.parameter(0);
    if expunge {
        fanfare.delete_event_type(environment, name).await?;
    } else {
        let change = |event_type: &mut EventType| {
            set_archived(event_type, true, now);
            Ok(())
        };
        fanfare
            .change_external_event_type(environment, name, change)
            .await?;
    }
    Ok(Answer::nothing())
}
