//! `PATCH /event-type/{name}`.

use fanfare_domain::event_type::EventType;
use serde_json::json;

use crate::svix::call::{Answer, Call};
use crate::svix::event_type::{
    DEPRECATED, FLAGS, GROUP, SCHEMAS, flags_in, schemas_in, set, set_archived, shown,
};
use crate::svix::failure::Failure;
use crate::svix::fields::{Fields, not_null};
use crate::svix::rules::check_text;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let mut fields = Fields::read(&call.body)?;
    let description = not_null("description", fields.text("description")?)?;
    let archived = not_null("archived", fields.truth("archived")?)?;
    let deprecated = not_null("deprecated", fields.truth("deprecated")?)?;
    let schemas = schemas_in(&mut fields)?.change();
    let flags = flags_in(&mut fields)?;
    let group = fields.text("groupName")?.change();
    check_text(
        &mut fields,
        "description",
        description.as_deref().unwrap_or_default(),
    );
    fields.finish()?;
    let now = call.now();
    let change = |event_type: &mut EventType| {
        if let Some(description) = &description {
            event_type.description.clone_from(description);
        }
        if let Some(archived) = archived {
            set_archived(event_type, archived, now);
        }
        if let Some(deprecated) = deprecated {
            set(event_type, DEPRECATED, json!(deprecated));
        }
        if let Some(schemas) = &schemas {
            set(event_type, SCHEMAS, json!(schemas));
        }
        if let Some(flags) = &flags {
            set(event_type, FLAGS, json!(flags.clone().unwrap_or_default()));
        }
        if let Some(group) = &group {
            set(event_type, GROUP, json!(group));
        }
        Ok(())
    };
    let event_type = call
        .fanfare()
        .change_external_event_type(call.environment()?, call.parameter(0), change)
        .await?;
    Ok(Answer::ok(&shown(&event_type, now, true)))
}
