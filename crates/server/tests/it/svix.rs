//! Svix's contract, used by its official clients over a real socket.
//!
//! The clients are fetched by `make tools`, so these tests run only when asked for, as `make svix` does. They
//! run on each store there is.

mod clients;
mod method_table;

use crate::harness::{Server, Setup};

/// A store, as a server on it is set up.
type Store = (&'static str, fn() -> Setup);

/// The stores that there are.
const STORES: [Store; 1] = [("sqlite", Setup::new)];

/// The secret of JWTs.
const SECRET: &str = "a-secret-for-tests-only-of-enough-characters";

/// A server with this contract. Deliveries are attempted twice, a second apart.
async fn server(store: fn() -> Setup) -> Server {
    let setup = store();
    let secret = setup.folder().join("jwt-secret");
    std::fs::write(&secret, SECRET).unwrap();
    let dialect = format!("svix waits=0s;1s jwt_secret_file={}", secret.display());
    setup
        .set("FANFARE_DIALECTS", &dialect)
        .set("FANFARE_JOB_RATE", "2000")
        .start()
        .await
}
