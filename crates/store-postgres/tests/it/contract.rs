//! The contract suite on a real PostgreSQL.

use std::sync::Arc;

use async_trait::async_trait;
use fanfare_app::port::{Configuration, Deliveries, Log};
use fanfare_store_contract::{Engine, OpenStore, contract_suite};
use fanfare_store_postgres::{Options, PostgresStore, Retention};
use fanfare_testkit::postgres::Database;

use crate::databases::{self, at};

struct Postgres;

struct Opened {
    store: PostgresStore,
    database: Database,
}

async fn open(database: Database) -> Box<dyn OpenStore> {
    let options = Options {
        retention: Retention::Rows,
        ..Options::default()
    };
    let store = PostgresStore::open(&at(&database.address()), &options).await;
    let store = store.unwrap();
    Box::new(Opened { store, database })
}

#[async_trait]
impl Engine for Postgres {
    async fn fresh(&self) -> Box<dyn OpenStore> {
        open(databases::with_a_store().await).await
    }
}

#[async_trait]
impl OpenStore for Opened {
    fn configuration(&self) -> Arc<dyn Configuration> {
        self.store.configuration()
    }

    fn log(&self) -> Arc<dyn Log> {
        self.store.log()
    }

    fn deliveries(&self) -> Arc<dyn Deliveries> {
        self.store.deliveries()
    }

    async fn restart(self: Box<Self>) -> Box<dyn OpenStore> {
        self.store.close().await;
        open(self.database).await
    }

    async fn crash(self: Box<Self>) -> Box<dyn OpenStore> {
        // The server has everything that was acknowledged; the process's end takes its connections.
        drop(self.store);
        open(self.database).await
    }
}

contract_suite!(Postgres);
