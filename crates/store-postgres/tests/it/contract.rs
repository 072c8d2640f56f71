//! The contract suite on a real PostgreSQL.

use std::sync::Arc;

use async_trait::async_trait;
use fanfare_app::port::{Configuration, Deliveries, Log};
use fanfare_store_contract::{Engine, OpenStore, contract_suite};
use fanfare_store_postgres::{Address, Options, PostgresStore, Retention};
use fanfare_testkit::postgres::{Database, Pooler};

use crate::databases::{self, at};

/// How the work goes to the server.
#[derive(Clone, Copy)]
enum Postgres {
    Directly,
    /// Through PgBouncer in transaction mode.
    ThroughAPooler,
}

struct Opened {
    store: PostgresStore,
    database: Database,
    way: Postgres,
}

async fn open(database: Database, way: Postgres) -> Box<dyn OpenStore> {
    let options = Options {
        retention: Retention::Rows,
        ..Options::default()
    };
    let mut addresses = at(&database.address());
    if let Postgres::ThroughAPooler = way {
        let pooled = Pooler::shared().address(&database);
        addresses.work = Address::parse(&pooled).unwrap();
    }
    let store = PostgresStore::open(&addresses, &options).await.unwrap();
    Box::new(Opened {
        store,
        database,
        way,
    })
}

#[async_trait]
impl Engine for Postgres {
    async fn fresh(&self) -> Box<dyn OpenStore> {
        open(databases::with_a_store().await, *self).await
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
        open(self.database, self.way).await
    }

    async fn crash(self: Box<Self>) -> Box<dyn OpenStore> {
        // The server has everything that was acknowledged; the process's end takes its connections.
        drop(self.store);
        open(self.database, self.way).await
    }
}

mod directly {
    use super::*;
    contract_suite!(Postgres::Directly);
}

mod through_a_pooler {
    use super::*;
    contract_suite!(Postgres::ThroughAPooler);
}
