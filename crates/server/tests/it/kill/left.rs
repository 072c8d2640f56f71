//! What a killed server left in its store.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use fanfare_app::port::deliveries::DeliveryQuery;
use fanfare_domain::delivery::StateName;
use fanfare_domain::name::{EnvironmentId, Scope, TenantId};
use fanfare_store_sqlite::{Options, SqliteStore};

use super::arrivals::Way;

pub(super) struct Left {
    /// All events, by the ids that publishers know.
    pub(super) events: HashSet<String>,
    /// What was recorded as delivered, with the number of attempts.
    pub(super) delivered: HashMap<Way, usize>,
}

/// Reads a copy of the store in a folder, since opening a store puts its files in order. `paths` are
/// those of the endpoints, by id.
pub(super) async fn read(folder: &Path, paths: &HashMap<String, String>) -> Left {
    let copy = tempfile::tempdir().unwrap();
    for name in ["fanfare.db", "fanfare.db-wal"] {
        // After a clean end there is no log.
        if folder.join(name).exists() {
            std::fs::copy(folder.join(name), copy.path().join(name)).unwrap();
        }
    }
    let path = copy.path().join("fanfare.db");
    let store = SqliteStore::open(&path, &Options::default()).unwrap();
    let events = store.log().read_after(0, usize::MAX >> 1).await.unwrap();
    let names: HashMap<_, _> = events
        .iter()
        .map(|(_, event)| (event.id, event.public_id()))
        .collect();
    let query = DeliveryQuery {
        scope: Scope {
            environment: EnvironmentId::default_environment(),
            tenant: TenantId::parse("acme").unwrap(),
        },
        event: None,
        endpoint: None,
        state: Some(StateName::Delivered),
        event_type: None,
        last_error: None,
        last_status: None,
        since: None,
        until: None,
        before: None,
        limit: usize::MAX >> 1,
    };
    let deliveries = store.deliveries().deliveries(&query).await.unwrap();
    store.close().await;
    let delivered = deliveries.into_iter().map(|delivery| {
        let path = paths[&delivery.endpoint.to_string()].clone();
        let way = (names[&delivery.event].clone(), path);
        (way, usize::from(delivery.attempts))
    });
    Left {
        delivered: delivered.collect(),
        events: names.into_values().collect(),
    }
}
