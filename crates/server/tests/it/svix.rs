//! Svix's contract, used by its official clients over a real socket.
//!
//! The clients are fetched by `make tools`, so their tests run only when asked for, as `make svix` does. All
//! run on each store there is.

mod clients;
mod import;
mod method_table;
mod same_answers;

use std::any::Any;

use fanfare_testkit::postgres::Cluster;

use crate::harness::{Server, Setup};

/// The stores that there are.
const STORES: [Store; 2] = [
    Store {
        name: "sqlite",
        open: || (Setup::new(), Box::new(())),
    },
    Store {
        name: "postgres",
        open: || {
            let database = Cluster::shared().database(None);
            let setup = Setup::new().set("FANFARE_STORE", &database.address());
            (setup, Box::new(database))
        },
    },
];

/// A store.
struct Store {
    name: &'static str,
    /// Sets a server on an empty one up; and what must be kept as long as it is used.
    open: fn() -> (Setup, Box<dyn Any + Send>),
}

/// The secret of JWTs.
const SECRET: &str = "a-secret-for-tests-only-of-enough-characters";

/// A server on a store of its own.
struct World {
    server: Server,
    _keep: Box<dyn Any + Send>,
}

impl Store {
    /// A server with this contract. Deliveries are attempted twice, a second apart.
    async fn start(&self) -> World {
        self.start_with("0s;1s").await
    }

    /// The same with a schedule of its own.
    async fn start_with(&self, waits: &str) -> World {
        let (setup, keep) = (self.open)();
        let secret = setup.folder().join("jwt-secret");
        std::fs::write(&secret, SECRET).unwrap();
        let dialect = format!("svix waits={waits} jwt_secret_file={}", secret.display());
        let server = setup
            .set("FANFARE_DIALECTS", &dialect)
            .set("FANFARE_JOB_RATE", "2000")
            .start()
            .await;
        World {
            server,
            _keep: keep,
        }
    }
}
