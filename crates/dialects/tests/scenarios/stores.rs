//! The stores that scenarios run on.

use std::any::Any;
use std::path::Path;
use std::sync::Arc;

use fanfare_app::port::{Configuration, Deliveries, Log};
use fanfare_store_sqlite::{Options, SqliteStore};

/// An open store.
pub(crate) struct Opened {
    pub(crate) configuration: Arc<dyn Configuration>,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) deliveries: Arc<dyn Deliveries>,
    /// What must live as long as it is used.
    pub(crate) keep: Box<dyn Any + Send + Sync>,
}

/// Opens an empty store that may keep its files in a folder.
pub(crate) type Open = fn(&Path) -> Opened;

/// Every store there is, with its name.
pub(crate) const STORES: [(&str, Open); 1] = [("sqlite", sqlite)];

fn sqlite(folder: &Path) -> Opened {
    let store = SqliteStore::open(&folder.join("fanfare.db"), &Options::default()).unwrap();
    Opened {
        configuration: store.configuration(),
        log: store.log(),
        deliveries: store.deliveries(),
        keep: Box::new(store),
    }
}
