//! What publishers do.

use std::sync::Arc;

use bytes::Bytes;
use fanfare_app::event_types::EventTypeDraft;
use fanfare_app::publish::EventDraft;
use fanfare_app::tenants::TenantDraft;
use fanfare_domain::name::{EnvironmentId, Scope, TenantId};

use super::Play;
use crate::chronicle::Fact;
use crate::life::Life;
use crate::setting::millis;

const TENANTS: [&str; 2] = ["acme", "globex"];
const TYPES: [&str; 2] = ["thing.happened", "thing.ended"];
/// Ids that publishers choose; the same ones come again.
const OWN_IDS: u64 = 40;

/// Sizes of an event's data; the largest ones fill a narrow memory.
pub(super) const SIZES: &[usize] = &[0, 0, 200, 2_000];

/// All tenants.
pub(super) fn scopes() -> Vec<Scope> {
    let scopes = TENANTS.iter().filter_map(|name| {
        Some(Scope {
            environment: EnvironmentId::default_environment(),
            tenant: TenantId::parse(name).ok()?,
        })
    });
    scopes.collect()
}

impl Play {
    /// Makes tenants, event types and the first endpoints.
    pub(super) async fn settle_in(&mut self, life: &Life) {
        let environment = EnvironmentId::default_environment();
        let _ = life.fanfare.ensure_default_environment().await;
        for name in TENANTS {
            let tenant = TenantDraft {
                id: Some(name.to_owned()),
                name: Some(name.to_owned()),
                ..TenantDraft::default()
            };
            let fanfare = &life.fanfare;
            let _ = fanfare
                .create_tenant(&environment, tenant, Vec::new())
                .await;
        }
        for name in TYPES {
            let event_type = EventTypeDraft {
                name: Some(name.to_owned()),
                ..EventTypeDraft::default()
            };
            let fanfare = &life.fanfare;
            let _ = fanfare
                .create_event_type(&environment, event_type, Vec::new())
                .await;
        }
        for _ in 0..=self.chance.below(3) {
            self.add_endpoint(life).await;
        }
    }

    /// Publishes up to `most` events at the same time, with data of these sizes, and does not wait for the
    /// answers.
    pub(super) fn publish(&self, life: &Life, most: u64, sizes: &[usize]) {
        let scope = self.chance.pick(&scopes()).clone();
        for _ in 0..=self.chance.below(most) {
            let draft = self.event(sizes);
            let fanfare = Arc::clone(&life.fanfare);
            let (chronicle, accepted) = (self.chronicle.clone(), Arc::clone(&self.accepted));
            let scope = scope.clone();
            tokio::spawn(async move {
                if let Ok(told) = fanfare.publish(scope, draft, None).await {
                    chronicle.note(Fact::Accepted(Arc::clone(&told.event)));
                    accepted.lock().push(told.event);
                }
            });
        }
    }

    fn event(&self, sizes: &[usize]) -> EventDraft {
        let uid = self.chance.chance(0.1);
        let uid = uid.then(|| format!("own-{}", self.chance.below(OWN_IDS)));
        // What an own id stands for is always the same, so that it is found again.
        let (size, name) = match &uid {
            Some(_) => (0, TYPES[0]),
            None => (*self.chance.pick(sizes), *self.chance.pick(&TYPES)),
        };
        let ahead = |most| self.now().after(millis(1 + self.chance.below(most)));
        let later = uid.is_none() && self.chance.chance(0.1);
        let ends = uid.is_none() && self.chance.chance(0.1);
        let deliver_at = later.then(|| ahead(20_000));
        let expires_at = ends.then(|| match deliver_at {
            Some(at) => at.after(millis(1 + self.chance.below(20_000))),
            None => ahead(20_000),
        });
        let keyed = uid.is_none() && self.order.chance(0.8);
        let ordering_key = keyed.then(|| format!("key-{}", self.order.below(3)));
        EventDraft {
            ordering_key,
            deliver_at,
            expires_at,
            event_type: Some(name.to_owned()),
            uid,
            data: Some(Bytes::from(format!("\"{}\"", "x".repeat(size)))),
            ..EventDraft::default()
        }
    }
}
