//! `PUT /event-type/{name}`.

use fanfare_domain::event_type::EventType;

use crate::svix::call::{Answer, Call};
use crate::svix::event_type::{EventTypeIn, fresh, is_missing, named, shown};
use crate::svix::failure::Failure;
use crate::svix::fields::Fields;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let mut fields = Fields::read(&call.body)?;
    let given = EventTypeIn::read(&mut fields)?;
    fields.finish()?;
    let name = named(call)?;
    let (fanfare, environment, now) = (call.fanfare(), call.environment()?, call.now());
    let change = |event_type: &mut EventType| {
        given.clone().put(event_type, now);
        Ok(())
    };
    let changed = fanfare
        .change_external_event_type(environment, name, change)
        .await;
    match changed {
        Err(cause) if is_missing(&cause) => {
            let mut event_type = fresh(environment, name, now)?;
            given.put(&mut event_type, now);
            let event_type = fanfare.create_external_event_type(event_type).await?;
            Ok(Answer::created(&shown(&event_type, now, true)))
        }
        changed => Ok(Answer::ok(&shown(&changed?, now, true))),
    }
}
