//! Databases for tests.

use fanfare_store_postgres::{Address, Addresses, Options, PostgresStore, migrate};
use fanfare_testkit::postgres::{Cluster, Database};
use tokio::sync::OnceCell;

/// The day that the suite's events are of, counted from the Unix epoch.
const DAY: i64 = 20_717;

/// A database of its own with an empty store: a copy of one that is made once.
pub(crate) async fn with_a_store() -> Database {
    static TEMPLATE: OnceCell<Database> = OnceCell::const_new();
    let template = TEMPLATE
        .get_or_init(|| async {
            let template = Cluster::shared().database(None);
            let address = Address::parse(&template.address()).unwrap();
            migrate(&address).await.unwrap();
            template.run(&format!("SELECT fanfare.make_partitions({DAY})"));
            template
        })
        .await;
    Cluster::shared().database(Some(template))
}

/// One address for everything.
pub(crate) fn at(address: &str) -> Addresses {
    let address = Address::parse(address).unwrap();
    Addresses {
        work: address.clone(),
        direct: address,
    }
}

/// Opens a store as `serve` does.
pub(crate) async fn open(address: &str) -> PostgresStore {
    let store = PostgresStore::open(&at(address), &Options::default()).await;
    store.unwrap()
}
