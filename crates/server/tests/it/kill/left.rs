//! What a killed server left in its store.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use fanfare_app::port::deliveries::DeliveryQuery;
use fanfare_app::port::{Deliveries, Log};
use fanfare_domain::delivery::StateName;
use fanfare_domain::name::{EnvironmentId, Scope, TenantId};
use fanfare_store_postgres::{Address, Addresses, PostgresStore};
use fanfare_store_sqlite::{Options, SqliteStore};
use fanfare_testkit::postgres::Database;

use super::arrivals::Way;

pub(super) struct Left {
    /// All events, by the ids that publishers know.
    pub(super) events: HashSet<String>,
    /// What was recorded as delivered, with the number of attempts.
    pub(super) delivered: HashMap<Way, usize>,
}

/// Where the store is.
pub(super) enum Place {
    /// In a file of this folder.
    File(PathBuf),
    /// In a database.
    Database(Database),
}

/// Reads a store. `paths` are those of the endpoints, by id.
pub(super) async fn read(place: &Place, paths: &HashMap<String, String>) -> Left {
    match place {
        Place::File(folder) => {
            // A copy, since opening a store puts its files in order.
            let copy = tempfile::tempdir().unwrap();
            for name in ["fanfare.db", "fanfare.db-wal"] {
                // After a clean end there is no log.
                if folder.join(name).exists() {
                    std::fs::copy(folder.join(name), copy.path().join(name)).unwrap();
                }
            }
            let path = copy.path().join("fanfare.db");
            let store = SqliteStore::open(&path, &Options::default()).unwrap();
            let left = parts(store.log(), store.deliveries(), paths).await;
            store.close().await;
            left
        }
        Place::Database(database) => {
            // What the killed server had sent already, PostgreSQL still does.
            database.run(ALONE);
            let address = Address::parse(&database.address()).unwrap();
            let addresses = Addresses {
                work: address.clone(),
                direct: address,
            };
            let options = fanfare_store_postgres::Options::default();
            let store = PostgresStore::open_as_it_is(&addresses, &options);
            let store = store.await.unwrap();
            let left = parts(store.log(), store.deliveries(), paths).await;
            store.close().await;
            left
        }
    }
}

/// Waits until nobody else is connected.
const ALONE: &str = "DO $$ BEGIN
    WHILE EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
        AND pid <> pg_backend_pid() AND backend_type = 'client backend')
    LOOP PERFORM pg_sleep(0.005), pg_stat_clear_snapshot(); END LOOP; END $$";

async fn parts(
    log: Arc<dyn Log>,
    deliveries: Arc<dyn Deliveries>,
    paths: &HashMap<String, String>,
) -> Left {
    let events = log.read_after(0, usize::MAX >> 1).await.unwrap();
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
    let deliveries = deliveries.deliveries(&query).await.unwrap();
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
