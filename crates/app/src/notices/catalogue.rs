//! The types of operational events, as they come into the catalogue.

use fanfare_domain::name::EnvironmentId;
use serde_json::{Value, json};

use crate::error::UseCaseError;
use crate::event_types::EventTypeDraft;
use crate::fanfare::Fanfare;

pub(super) const DISABLED: &str = "endpoint.disabled";
pub(super) const ENABLED: &str = "endpoint.enabled";
pub(super) const WARNING: &str = "endpoint.warning";
pub(super) const RECOVERED: &str = "endpoint.recovered";
pub(super) const HELD: &str = "endpoint.held";
pub(super) const EXHAUSTED: &str = "delivery.exhausted";

const ENDPOINT: &str = "ep_01m5d3xq9sabcdefghjkmnpqrs";
const DELIVERY: &str = "dlv_01m5d3xq9sabcdefghjkmnpqrs";
const TIME: &str = "2026-11-24T12:00:00.000Z";

/// A type whose data has these members, each with an example, beside the tenant and the endpoint.
fn draft(name: &str, description: &str, members: &[(&str, Value, Value)]) -> EventTypeDraft {
    let text = |nullable: bool| match nullable {
        true => json!({"type": ["string", "null"]}),
        false => json!({"type": "string"}),
    };
    let mut properties = json!({
        "tenant": text(false),
        "endpoint": {
            "type": "object",
            "required": ["id"],
            "properties": {
                "id": text(false),
                "dialect": text(true),
                "external_id": text(true),
                "description": text(true),
            },
        },
    });
    let mut example = json!({
        "tenant": "acme",
        "endpoint": {
            "id": ENDPOINT, "dialect": null, "external_id": null, "description": "Billing",
        },
    });
    let mut required = vec!["tenant", "endpoint"];
    for (member, schema, value) in members {
        properties[member] = schema.clone();
        example[member] = value.clone();
        required.push(member);
    }
    EventTypeDraft {
        name: Some(name.to_owned()),
        description: Some(description.to_owned()),
        schema: Some(json!({"type": "object", "required": required, "properties": properties})),
        example: Some(example),
        ..EventTypeDraft::default()
    }
}

fn time(member: &'static str) -> (&'static str, Value, Value) {
    let schema = json!({"type": "string", "format": "date-time"});
    (member, schema, json!(TIME))
}

/// All types of operational events.
fn drafts() -> Vec<EventTypeDraft> {
    let text = json!({"type": "string"});
    let delivery = json!({
        "type": "object",
        "required": ["id", "event", "event_type", "attempts"],
        "properties": {
            "id": {"type": "string"},
            "event": {"type": "string"},
            "event_type": {"type": "string"},
            "replay_of": {"type": ["string", "null"]},
            "attempts": {"type": "integer"},
            "created_at": {"type": "string", "format": "date-time"},
            "first_attempt_at": {"type": ["string", "null"], "format": "date-time"},
            "failed_at": {"type": ["string", "null"], "format": "date-time"},
            "last_status": {"type": ["integer", "null"]},
            "last_error": {"type": ["string", "null"]},
        },
    });
    let exhausted = json!({
        "id": DELIVERY,
        "event": "evt_01m5d3xq9sabcdefghjkmnpqrs",
        "event_type": "invoice.paid",
        "replay_of": null,
        "attempts": 10,
        "created_at": TIME,
        "first_attempt_at": TIME,
        "failed_at": TIME,
        "last_status": 503,
        "last_error": null,
    });
    let percent = json!({"type": "integer", "minimum": 1, "maximum": 99});
    vec![
        draft(
            DISABLED,
            "An endpoint gets no deliveries any more, and why.",
            &[("reason", text.clone(), json!("gone")), time("since")],
        ),
        draft(
            ENABLED,
            "An endpoint that was disabled gets deliveries again.",
            &[time("since")],
        ),
        draft(
            WARNING,
            "An endpoint does nothing but fail, and is disabled if it goes on so.",
            &[
                time("failing_since"),
                ("passed_percent", percent, json!(50)),
                time("disabled_at"),
            ],
        ),
        draft(
            RECOVERED,
            "An endpoint that was warned of has answered as it should.",
            &[time("failing_since"), time("recovered_at")],
        ),
        draft(
            HELD,
            "An ordered endpoint stands still behind a delivery that failed, until its owner skips \
             or replays that.",
            &[("delivery", text, json!(DELIVERY)), time("since")],
        ),
        draft(
            EXHAUSTED,
            "A delivery used up its attempts, or its time.",
            &[("delivery", delivery, exhausted)],
        ),
    ]
}

impl Fanfare {
    /// Makes the types of operational events in an environment, where they are missing. A type of the
    /// same name that is there already stays as it is.
    pub(crate) async fn ensure_operational_types(
        &self,
        environment: &EnvironmentId,
    ) -> Result<(), UseCaseError> {
        self.ensure_event_types(environment, drafts()).await
    }

    /// At a start: makes the types that an earlier release did not know, and tells of what the last run
    /// may not have come to tell.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin_to_tell(&self) -> Result<(), UseCaseError> {
        for environment in self.directory.operational_environments() {
            self.ensure_operational_types(&environment).await?;
        }
        self.tell_of_latest();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use fanfare_domain::event_type::EventType;
    use fanfare_domain::name::EventTypeName;
    use fanfare_domain::time::Timestamp;

    use super::*;
    use crate::directory::KnownType;

    #[test]
    fn each_example_satisfies_its_schema() {
        for draft in drafts() {
            let name = draft.name.unwrap();
            let known = KnownType::new(EventType {
                environment: EnvironmentId::default_environment(),
                name: EventTypeName::parse(&name).unwrap(),
                description: String::new(),
                schema: draft.schema,
                example: None,
                subcategories: Vec::new(),
                policy: Default::default(),
                retired_at: None,
                external: Default::default(),
                created_at: Timestamp::default(),
                updated_at: Timestamp::default(),
            });
            let faults = known.unwrap().check(&draft.example.unwrap());
            assert!(faults.is_empty(), "{name}: {faults:?}");
        }
    }
}
