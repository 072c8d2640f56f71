//! The contract suite on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test: an error is its failure")]

use std::sync::Arc;

use async_trait::async_trait;
use fanfare_app::port::{Configuration, Deliveries, Log};
use fanfare_store_contract::{Engine, OpenStore, contract_suite};
use fanfare_store_postgres::{Addresses, Options, PostgresStore, Retention};
use fanfare_testkit::postgres::Database;

mod databases;

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
    let address = fanfare_store_postgres::Address::parse(&database.address()).unwrap();
    let addresses = Addresses {
        work: address.clone(),
        direct: address,
    };
    let store = PostgresStore::open(&addresses, &options).await.unwrap();
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
