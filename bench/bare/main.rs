//! A bare server, for the bench to measure Fanfare against: what no sender of webhooks can do without,
//! and nothing more.
//!
//! It takes events over HTTP, acknowledges each when it is on disk, signs it, posts it to the endpoints of its
//! tenant, and writes the outcome down. It has no routing, no lanes, no retries, no keys, no limits, no
//! metrics and no second read of anything: it shows what this machine leaves to be reached by a server made
//! of the same libraries. It speaks as much of the native API as the closed loop and the fan-out need.

#![expect(
    clippy::expect_used,
    reason = "a developer's program may stop at a broken invariant"
)]

mod api;
mod sender;
mod store;

use std::env::var;

use anyhow::{Context, Result};
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

/// As in the server that it is measured against.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> Result<()> {
    let address = var("FANFARE_LISTEN").context("FANFARE_LISTEN names no address")?;
    let store = var("FANFARE_STORE").context("FANFARE_STORE names no file")?;
    let path = store.strip_prefix("sqlite:");
    let path = path.context("FANFARE_STORE must begin with sqlite:")?;
    let router = api::router(sender::Sender::new(store::open(path)?));
    let listener = TcpListener::bind(&address).await?;
    let listener = listener.tap_io(|stream| {
        // A connection that is gone already tells so by itself.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router).await?;
    Ok(())
}
