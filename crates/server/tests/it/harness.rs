//! Starts the binary on a free port with a store of its own, talks to it, kills it, starts it again.
//!
//! ```ignore
//! let mut server = Setup::new().set("FANFARE_SHUTDOWN_LIMIT", "1s").start().await;
//! let tenant = server.api().post("/v1/tenants", json!({"name": "Acme"})).await.expect(201);
//! server.kill().await;
//! server.restart().await;
//! ```

mod api;
mod server;
mod world;

pub(crate) use api::{Answer as Reply, Api, PATIENCE};
pub(crate) use server::{Server, Setup, fanfare};
pub(crate) use world::World;

/// How long, or with which chance, a test runs that has a longer form.
pub(crate) fn number_from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{name} must be a whole number, not {text:?}")))
}
