//! The HTTP server below the API: connections, their bounds, and the routes for operators.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use fanfare_dialects::Doors;
use hyper_util::server::graceful::GracefulShutdown;
use metrics::gauge;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::config::Clients;

mod connection;
mod measure;
pub(crate) mod operator;

pub(crate) use measure::layer as measured;

use connection::Protocols;

/// Waits this long after the system refused a connection, as it does when files run out.
const BREATH: Duration = Duration::from_millis(100);

/// Takes the address.
///
/// # Errors
/// When it can't be had, with what to do.
pub(crate) async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("can't listen on {address}; stop what does, or set FANFARE_LISTEN to another one")
    })
}

/// Serves until `stop`, then lets requests under way end within `limit`.
///
/// At the bound of connections none is accepted until one ends: further ones wait in the system's
/// queue, and past that are refused by it.
pub(crate) async fn serve(
    listener: TcpListener,
    doors: Doors,
    clients: Clients,
    stop: CancellationToken,
    limit: Duration,
) {
    let protocols = Arc::new(Protocols::new(clients));
    let places = Arc::new(Semaphore::new(clients.max_connections));
    let graceful = GracefulShutdown::new();
    let open = gauge!("fanfare_http_connections");
    open.set(0.0);
    loop {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            () = stop.cancelled() => break,
        };
        let stream = tokio::select! {
            stream = accept(&listener) => stream,
            () = stop.cancelled() => break,
        };
        let (Ok(place), Some(stream)) = (place, stream) else {
            continue;
        };
        open.increment(1.0);
        let (open, protocols) = (open.clone(), Arc::clone(&protocols));
        let (doors, watcher, stop) = (doors.clone(), graceful.watcher(), stop.clone());
        tokio::spawn(async move {
            protocols.serve(stream, doors, watcher, stop).await;
            open.decrement(1.0);
            drop(place);
        });
    }
    // From here on the system refuses new connections.
    drop(listener);
    if tokio::time::timeout(limit, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("requests to the API were under way at the end of the shutdown time");
    }
}

async fn accept(listener: &TcpListener) -> Option<TcpStream> {
    match listener.accept().await {
        Ok((stream, _)) => Some(stream),
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a connection can't be accepted"
            );
            tokio::time::sleep(BREATH).await;
            None
        }
    }
}
