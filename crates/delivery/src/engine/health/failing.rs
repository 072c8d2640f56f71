//! Endpoints that do nothing but fail: saved, warned of, and disabled in the end.
//!
//! What is saved changes with the state only, never with an attempt: once when failing has lasted for
//! a while, once for each warning, and once when it is over.

use std::sync::{Arc, Weak};
use std::time::Duration;

use fanfare_app::directory::Target;
use fanfare_app::fault::{Fault, planted};
use fanfare_app::notices::{self, Notice};
use fanfare_domain::breaker::Ended;
use fanfare_domain::endpoint::{DisabledReason, Failing};
use fanfare_domain::id::EndpointId;
use fanfare_domain::name::Scope;

use super::Patient;
use crate::engine::Shared;

/// The shares of the time after which an endpoint is disabled at which its owner is warned, in percent.
const WARNINGS: [u8; 3] = [50, 75, 90];
/// How long failing lasts before it is saved: at most this, and at most a twentieth of the time after
/// which the endpoint is disabled. A restart forgets what is shorter.
const SAVED_AFTER: Duration = Duration::from_secs(3_600);
/// How long to wait before a change is tried again, when the store was not available.
const AGAIN: Duration = Duration::from_secs(1);

/// Warnings that are due after so much of the time.
fn warnings_due(age: Duration, disable_after: Duration) -> u8 {
    let due = WARNINGS
        .iter()
        .filter(|share| age * 100 >= disable_after * u32::from(**share));
    due.count() as u8
}

/// Learns from an attempt, after the patient did.
pub(super) fn learn(shared: &Arc<Shared>, patient: &mut Patient, target: &Target, ended: &Ended) {
    let endpoint = &target.endpoint;
    if let (Some(limit), Some(since)) = (target.policy.disable_after, patient.failing_since) {
        let age = ended.at.since(since);
        if age >= limit {
            if !patient.disabling {
                patient.disabling = true;
                let scope = endpoint.scope.clone();
                disable_endpoint(shared, scope, endpoint.id, DisabledReason::Failing);
            }
            return;
        }
        let due = warnings_due(age, limit);
        if due > patient.warnings {
            patient.warnings = due;
        }
        if patient.saved.is_none() && age < SAVED_AFTER.min(limit / 20) {
            return;
        }
    } else {
        patient.warnings = 0;
    }
    if patient.wanted(target) != patient.saved && !patient.saving {
        patient.saving = true;
        tokio::spawn(save(
            Arc::clone(shared),
            endpoint.scope.clone(),
            endpoint.id,
        ));
    }
}

impl Patient {
    /// What the document should say.
    fn wanted(&self, target: &Target) -> Option<Failing> {
        target.policy.disable_after?;
        self.failing_since.map(|since| Failing {
            since,
            warnings: self.warnings,
        })
    }
}

/// Brings the document to what is wanted, however often that changes meanwhile.
async fn save(shared: Arc<Shared>, scope: Scope, endpoint: EndpointId) {
    loop {
        let target = shared.parts.directory.target(endpoint);
        let (before, wanted) = {
            let mut book = shared.health.by_endpoint.lock();
            let Some(patient) = book.get_mut(&endpoint) else {
                return;
            };
            let Some(target) = target.as_deref() else {
                patient.saving = false;
                return;
            };
            let wanted = patient.wanted(target);
            if wanted == patient.saved {
                patient.saving = false;
                return;
            }
            (patient.saved, wanted)
        };
        let Some(fanfare) = shared.fanfare.get().and_then(Weak::upgrade) else {
            return;
        };
        match fanfare.note_failing(&scope, endpoint, wanted).await {
            Ok(()) => {
                if let Some(patient) = shared.health.by_endpoint.lock().get_mut(&endpoint) {
                    patient.saved = wanted;
                }
                if let Some(target) = target {
                    tell(&shared, &target, before, wanted);
                }
            }
            Err(_) if shared.stopping() => return,
            Err(cause) => {
                tracing::warn!(%endpoint, error = %cause, "since when an endpoint fails can't be saved yet");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// Tells of a warning, or that what was warned of is over.
fn tell(shared: &Shared, target: &Target, before: Option<Failing>, after: Option<Failing>) {
    let warnings = |failing: Option<Failing>| failing.map_or(0, |failing| failing.warnings);
    let endpoint = &target.endpoint;
    let (id, tenant) = (endpoint.id, &endpoint.scope.tenant);
    match (before, after) {
        (_, Some(failing)) if failing.warnings > warnings(before) => {
            let Failing { since, warnings } = failing;
            let passed = WARNINGS[usize::from(warnings - 1).min(WARNINGS.len() - 1)];
            let limit = target.policy.disable_after.unwrap_or_default();
            let disabled_at = since.after(limit);
            shared.meters.warned.increment(1);
            tracing::warn!(endpoint = %id, %tenant, failing_since = %since, passed_percent = passed, %disabled_at, "endpoint does nothing but fail and will be disabled");
            shared.tell(|| {
                let change = notices::Change::Warned {
                    failing_since: since,
                    passed,
                    disabled_at,
                };
                Notice::of(endpoint, change)
            });
        }
        (Some(failing), None) if failing.warnings > 0 => {
            let at = shared.parts.clock.now();
            let failing_since = failing.since;
            tracing::info!(endpoint = %id, %tenant, %failing_since, "endpoint that was warned of answers again");
            shared.tell(|| Notice::of(endpoint, notices::Change::Recovered { failing_since, at }));
        }
        _ => {}
    }
}

/// Disables an endpoint on the engine's own account.
pub(in super::super) fn disable_endpoint(
    shared: &Arc<Shared>,
    scope: Scope,
    endpoint: EndpointId,
    reason: DisabledReason,
) {
    if planted(Fault::ForgetDisabling) {
        return;
    }
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        while let Some(fanfare) = shared.fanfare.get().and_then(Weak::upgrade) {
            match fanfare.disable_endpoint(&scope, endpoint, reason).await {
                Ok(()) => {
                    shared.meters.disabled(reason);
                    tracing::info!(%endpoint, tenant = %scope.tenant, reason = reason.as_str(), "endpoint disabled");
                    return;
                }
                Err(cause) if shared.stopping() => {
                    tracing::warn!(%endpoint, error = %cause, "endpoint could not be disabled before the end");
                    return;
                }
                Err(cause) => {
                    tracing::warn!(%endpoint, error = %cause, "endpoint can't be disabled yet");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_warned_at_a_half_three_quarters_and_nine_tenths() {
        let days = |days: f64| Duration::from_secs_f64(days * 86_400.0);
        let due = |age| warnings_due(days(age), days(5.0));
        assert_eq!(
            [0.0, 2.4, 2.5, 3.7, 3.75, 4.4, 4.5, 4.9].map(due),
            [0, 0, 1, 1, 2, 2, 3, 3]
        );
    }
}
