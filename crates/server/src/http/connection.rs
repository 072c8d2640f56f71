//! One connection of a client.

use std::time::Duration;

use fanfare_dialects::Doors;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::Watcher;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::config::Clients;

/// What a client that speaks HTTP/2 begins with.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How soon to look again whether the rest of it came.
const REST_OF_PREFACE: Duration = Duration::from_millis(5);
/// The most bytes of a request's head by HTTP/1; more is answered 431.
const HEAD_BYTES: usize = 64 * 1024;
/// Requests at a time on one connection by HTTP/2; further ones wait for their turn.
const STREAMS: u32 = 256;
/// The most bytes that a connection by HTTP/2 may have on their way to us unread.
const WINDOW: u32 = 1 << 20;
/// How often a silent connection by HTTP/2 is asked whether it is still there.
const PING: Duration = Duration::from_secs(30);

/// How connections are served.
pub(super) struct Protocols {
    http1: Builder<TokioExecutor>,
    http2: Builder<TokioExecutor>,
    clients: Clients,
}

impl Protocols {
    pub(super) fn new(clients: Clients) -> Self {
        let mut http1 = Builder::new(TokioExecutor::new()).http1_only();
        http1
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(clients.head_timeout)
            .max_buf_size(HEAD_BYTES);
        let mut http2 = Builder::new(TokioExecutor::new()).http2_only();
        http2
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .initial_stream_window_size(WINDOW / 4)
            .initial_connection_window_size(WINDOW)
            .keep_alive_interval(PING)
            .keep_alive_timeout(clients.head_timeout);
        Self {
            http1,
            http2,
            clients,
        }
    }

    /// Serves a connection to its end. What goes wrong with it is the client's, so it is told in
    /// debug logs only.
    pub(super) async fn serve(
        &self,
        stream: TcpStream,
        doors: Doors,
        watcher: Watcher,
        stop: CancellationToken,
    ) {
        if let Err(error) = prepare(&stream, self.clients.body_timeout) {
            tracing::debug!(%error, "a connection can't be prepared");
            return;
        }
        // hyper's own detection would wait for ever for a client that says nothing.
        let first = tokio::time::timeout(self.clients.head_timeout, begins_with_preface(&stream));
        let by_http2 = tokio::select! {
            biased;
            by_http2 = first => by_http2,
            () = stop.cancelled() => return,
        };
        let builder = match by_http2 {
            Ok(Ok(true)) => &self.http2,
            Ok(Ok(false)) => &self.http1,
            Ok(Err(_)) | Err(_) => return,
        };
        let connection =
            builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(doors));
        if let Err(error) = watcher.watch(connection.into_owned()).await {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

fn prepare(stream: &TcpStream, patience: Duration) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    // A client that does not take its answer would hold the connection for ever.
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(patience))?;
    #[cfg(not(target_os = "linux"))]
    let _ = patience;
    Ok(())
}

async fn begins_with_preface(stream: &TcpStream) -> std::io::Result<bool> {
    let mut start = [0; PREFACE.len()];
    loop {
        let count = stream.peek(&mut start).await?;
        if count == 0 || start[..count] != PREFACE[..count] {
            return Ok(false);
        }
        if count == PREFACE.len() {
            return Ok(true);
        }
        // Peeking at bytes that stay answers at once, so the rest has to be looked for.
        tokio::time::sleep(REST_OF_PREFACE).await;
    }
}
