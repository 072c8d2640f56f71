//! Events to put into a store, and what is in it.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use fanfare_app::port::StoreError;
use fanfare_app::port::deliveries::Settlement;
use fanfare_app::port::log::{Append, Appended, Event};
use fanfare_domain::delivery::{Delivery, DeliveryState};
use fanfare_domain::event::Attributes;
use fanfare_domain::id::{EndpointId, EventId};
use fanfare_domain::name::{EnvironmentId, EventTypeName, Scope, TenantId};
use fanfare_domain::time::Timestamp;
use fanfare_store_sqlite::SqliteStore;
use tempfile::TempDir;

pub(super) fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fanfare.db");
    (folder, path)
}

pub(super) fn event(number: u64, bytes: usize) -> Event {
    let created_at = Timestamp::from_millis(1_790_000_000_000 + number as i64);
    Event {
        id: EventId::new(created_at, number),
        scope: Scope {
            environment: EnvironmentId::default_environment(),
            tenant: TenantId::parse("a").unwrap(),
        },
        uid: None,
        event_type: EventTypeName::parse("invoice.paid").unwrap(),
        subcategory: None,
        attributes: Attributes::default(),
        ordering_key: None,
        created_at,
        deliver_at: None,
        expires_at: None,
        data_until: None,
        data: Bytes::from(vec![b'7'; bytes]),
        targets: vec![EndpointId::from_bits(1)],
    }
}

pub(super) async fn append(
    store: &SqliteStore,
    number: u64,
    bytes: usize,
) -> Result<Appended, StoreError> {
    let append = Append {
        event: Arc::new(event(number, bytes)),
        idempotency: None,
        content: None,
        in_turn: Vec::new(),
    };
    store
        .log()
        .append(vec![append])
        .await
        .map(|mut answers| answers.remove(0))
}

/// The ids of all events.
pub(super) async fn events(store: &SqliteStore) -> Vec<EventId> {
    let read = store.log().read_after(0, 1_000_000).await.unwrap();
    read.into_iter().map(|(_, event)| event.id).collect()
}

pub(super) fn delivered(number: u64) -> Settlement {
    let event = event(number, 1);
    Settlement {
        delivery: Delivery {
            id: event.id.delivery(0),
            scope: event.scope,
            event: event.id,
            event_type: event.event_type,
            endpoint: event.targets[0],
            state: DeliveryState::Delivered {
                at: event.created_at,
            },
            attempts: 1,
            extra_attempts: 0,
            replay_of: None,
            created_at: event.created_at,
            expires_at: None,
            first_attempt_at: Some(event.created_at),
            last_status: Some(200),
            last_error: None,
            turn: None,
            batch: None,
        },
        attempt: None,
    }
}
