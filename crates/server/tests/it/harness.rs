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

pub(crate) use server::{Setup, fanfare};
pub(crate) use world::World;
