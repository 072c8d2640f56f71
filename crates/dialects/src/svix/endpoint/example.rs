//! `POST …/send-example`: an example to one endpoint, whatever that asks for.

use bytes::Bytes;
use fanfare_app::publish::EventDraft;
use fanfare_domain::event_type::EventType;
use serde_json::{Value, json};

use crate::svix::call::{Answer, Call};
use crate::svix::event_type;
use crate::svix::failure::Failure;
use crate::svix::fields::{Fields, required};
use crate::svix::message::{self, create};

/// The type that needs no registration.
const PING: &str = "svix.ping";

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let endpoint = call.endpoint().await?;
    let mut fields = Fields::read(&call.body)?;
    let name = fields.text("eventType")?;
    let name = required("eventType", name)?;
    let index = fields.number("exampleIndex", u64::MAX)?.value();
    fields.finish()?;
    let example = match name.as_str() {
        PING => json!({"success": true}),
        name => {
            let known = call
                .fanfare()
                .directory()
                .event_type(&endpoint.scope.environment, name)
                .ok_or_else(Failure::not_found)?;
            let index = usize::try_from(index.unwrap_or(0)).unwrap_or(usize::MAX);
            example(&known.event_type, index).ok_or_else(|| {
                Failure::bad("invalid_scheme", "the event type has no such example")
            })?
        }
    };
    let mut draft = EventDraft {
        event_type: Some(name),
        data: Some(Bytes::from(example.to_string())),
        terms: create::TERMS,
        ..EventDraft::default()
    };
    draft.terms.only = Some(endpoint.id);
    let fanfare = call.fanfare();
    let accepted = fanfare.publish(endpoint.scope.clone(), draft, None).await?;
    if !endpoint.enabled() {
        fanfare.send_to(&accepted.event, &endpoint).await?;
    }
    Ok(Answer::ok(&message::shown(&accepted.event, false)))
}

/// The example of a type: of its first schema, or the one that it has itself.
fn example(event_type: &EventType, index: usize) -> Option<Value> {
    let schemas = event_type::schemas(event_type);
    let examples = schemas
        .as_ref()
        .and_then(|schemas| schemas.get("1")?.get("examples")?.as_array());
    let of_schema = examples.and_then(|examples| examples.get(index).cloned());
    of_schema.or_else(|| event_type.example.clone().filter(|_| index == 0))
}
