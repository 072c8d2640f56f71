//! Operational webhooks: the original publishes them as an organisation of its own, into the application
//! whose uid is the id of the organisation that they are about. They are on their way there like any message.

use fanfare_app::directory::Directory;
use fanfare_app::notices::{Announcer, Change, Told};
use fanfare_domain::attempt::Attempt;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::endpoint::DisabledReason;
use fanfare_domain::name::{EnvironmentId, Scope};
use serde_json::{Value, json};

use super::endpoint::uid;
use super::ids;

/// The organisation that operational webhooks come from.
const MANAGEMENT: &str = "org_00000000000SvixManagement00";

/// Tells of endpoints as the original does.
#[derive(Debug)]
pub(super) struct SvixAnnouncer;

impl Announcer for SvixAnnouncer {
    fn listener(&self, directory: &Directory, scope: &Scope) -> Option<Scope> {
        let organisation = scope.environment.as_str();
        if organisation == MANAGEMENT {
            return None;
        }
        let management = EnvironmentId::parse(MANAGEMENT).ok()?;
        let tenant = directory.tenant_by_external(&management, organisation)?;
        Some(Scope {
            environment: management,
            tenant,
        })
    }

    fn event(&self, told: &Told<'_>) -> Option<(&'static str, Value)> {
        let (name, data) = match told.change {
            Change::Created => ("endpoint.created", of_endpoint(told)),
            Change::Updated { .. } => ("endpoint.updated", of_endpoint(told)),
            Change::Deleted(_) => ("endpoint.deleted", of_endpoint(told)),
            Change::Disabled {
                since,
                reason,
                failing_since,
            } if *reason != DisabledReason::Manual => {
                let mut data = of_endpoint(told);
                data["failSince"] = json!(failing_since.unwrap_or(*since).to_string());
                ("endpoint.disabled", data)
            }
            Change::Failing(delivery) => ("message.attempt.failing", of_attempt(told, delivery)),
            Change::Exhausted(delivery) => {
                ("message.attempt.exhausted", of_attempt(told, delivery))
            }
            Change::Arrived(delivery) => ("message.attempt.recovered", of_attempt(told, delivery)),
            _ => return None,
        };
        Some((name, json!({"type": name, "data": data})))
    }
}

fn of_endpoint(told: &Told<'_>) -> Value {
    json!({
        "appId": told.scope.tenant.as_str(),
        "appUid": told.tenant,
        "endpointId": ids::shown(ids::ENDPOINT, told.endpoint.id.bits()),
        "endpointUid": uid(told.endpoint),
    })
}

fn of_attempt(told: &Told<'_>, delivery: &Delivery) -> Value {
    json!({
        "appId": told.scope.tenant.as_str(),
        "appUid": told.tenant,
        "msgId": ids::shown(ids::MESSAGE, delivery.event.bits()),
        "msgEventId": told.event,
        "endpointId": ids::shown(ids::ENDPOINT, told.endpoint.id.bits()),
        "lastAttempt": told.attempt.as_ref().map(last),
    })
}

fn last(attempt: &Attempt) -> Value {
    json!({
        "id": ids::shown(ids::ATTEMPT, attempt.id.bits()),
        "responseStatusCode": attempt.status.unwrap_or(0),
        "timestamp": attempt.started_at.to_string(),
    })
}
