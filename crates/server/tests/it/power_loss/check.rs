//! Whether a store is what was promised.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use fanfare_app::port::configuration::{DocumentKey, Kind};
use fanfare_domain::id::EventId;
use fanfare_domain::name::{EnvironmentId, Scope, TenantId};
use fanfare_store_sqlite::{Options, SqliteStore};
use serde_json::Value;

use super::load::TARGETS;

/// Why a store is not.
#[derive(Clone, Debug)]
pub(super) enum Broken {
    DoesNotOpen(String),
    /// So many of those that were acknowledged are not there.
    Lost(usize),
    /// It is there, and says something else.
    Changed(String),
    /// SQLite finds it unsound.
    Unsound(String),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DoesNotOpen(error) => write!(f, "the store does not open: {error}"),
            Self::Lost(count) => write!(f, "{count} of what was acknowledged are lost"),
            Self::Changed(id) => write!(f, "{id} is not what it was"),
            Self::Unsound(what) => write!(f, "the store is unsound: {what}"),
        }
    }
}

fn scope() -> Scope {
    Scope {
        environment: EnvironmentId::default_environment(),
        tenant: TenantId::parse("acme").unwrap(),
    }
}

/// Opens the store in a folder, and looks for everything that was answered.
pub(super) async fn check(
    folder: &Path,
    answered: &[&str],
    data: &HashMap<String, Value>,
) -> Result<(), Broken> {
    let path = folder.join("fanfare.db");
    let does_not_open = |error: &dyn std::error::Error| Broken::DoesNotOpen(chain(error));
    // No power is lost while it is looked at.
    let options = Options {
        synchronous_off_for_test_purposes_only: true,
        ..Options::default()
    };
    let store = SqliteStore::open(&path, &options);
    let store = store.map_err(|error| does_not_open(&error))?;
    let found = look(&store, answered, data).await;
    store.close().await;
    found?;
    let connection = rusqlite::Connection::open(&path).map_err(|error| does_not_open(&error))?;
    let sound = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0));
    match sound {
        Ok(said) if said == "ok" => Ok(()),
        Ok(said) => Err(Broken::Unsound(said)),
        Err(error) => Err(Broken::Unsound(error.to_string())),
    }
}

async fn look(
    store: &SqliteStore,
    answered: &[&str],
    data: &HashMap<String, Value>,
) -> Result<(), Broken> {
    let does_not_open = |error: &dyn std::error::Error| Broken::DoesNotOpen(chain(error));
    let ids: Vec<_> = answered
        .iter()
        .filter_map(|id| EventId::parse(id).ok())
        .collect();
    let events = store.log().events_by_id(&scope(), &ids).await;
    let events = events.map_err(|error| does_not_open(&error))?;
    for event in &events {
        let id = event.id.to_string();
        let whole = event.targets.len() == TARGETS
            && match (data.get(&id), serde_json::from_slice::<Value>(&event.data)) {
                (Some(said), Ok(found)) => *said == found,
                // Its publisher never had the answer, since the server was killed.
                (None, found) => found.is_ok(),
                (_, Err(_)) => false,
            };
        if !whole {
            return Err(Broken::Changed(id));
        }
    }
    let mut lost = ids.len() - events.len();
    for tenant in answered.iter().filter(|id| id.starts_with("tenant-")) {
        let key = DocumentKey {
            kind: Kind::Tenant,
            environment: scope().environment.to_string(),
            tenant: String::new(),
            id: (*tenant).to_owned(),
        };
        let found = store.configuration().get(&key).await;
        lost += usize::from(found.map_err(|error| does_not_open(&error))?.is_none());
    }
    if lost > 0 {
        Err(Broken::Lost(lost))
    } else {
        Ok(())
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
