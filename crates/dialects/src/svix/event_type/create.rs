//! `POST /event-type`. On an archived name it replaces that type and brings it back.

use fanfare_app::{Conflict, UseCaseError};
use fanfare_domain::event_type::EventType;

use crate::svix::call::{Answer, Call};
use crate::svix::event_type::{EventTypeIn, exists, fresh, shown};
use crate::svix::failure::Failure;
use crate::svix::fields::{Fields, required};
use crate::svix::rules::check_plain;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let mut fields = Fields::read(&call.body)?;
    let name = fields.text("name")?;
    let name = required("name", name)?;
    let given = EventTypeIn::read(&mut fields)?;
    check_plain(&mut fields, "name", &name);
    fields.finish()?;
    let (fanfare, environment, now) = (call.fanfare(), call.environment()?, call.now());
    let mut event_type = fresh(environment, &name, now)?;
    given.clone().put(&mut event_type, now);
    let made = fanfare.create_external_event_type(event_type).await;
    let taken = UseCaseError::Conflict(Conflict::State(String::new()));
    let event_type = match made {
        Err(UseCaseError::Conflict(Conflict::Exists { .. })) => {
            let mut taken = Some(taken);
            let change = |event_type: &mut EventType| {
                if !event_type.retired(now) {
                    return Err(taken.take().unwrap_or(UseCaseError::not_found("", "")));
                }
                given.clone().put(event_type, now);
                Ok(())
            };
            let changed = fanfare.change_external_event_type(environment, &name, change);
            match changed.await {
                Err(UseCaseError::Conflict(Conflict::State(_))) => return Err(exists(&name)),
                changed => changed?,
            }
        }
        made => made?,
    };
    Ok(Answer::created(&shown(&event_type, now, true)))
}
