//! A connection of HTTP/2: several requests at a time, driven by a task of its own.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::Instant;

use crate::guard::Connected;

/// Bytes of an answer that may come before they are asked for: on a stream, on a connection.
const WINDOWS: (u32, u32) = (64 * 1024, 1024 * 1024);
/// A silent connection with requests on it is asked after the first whether it lives, and given up
/// after the second.
const PING: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(5));

/// One connection. It ends when the last one who holds it lets go.
pub(super) struct Http2 {
    requests: SendRequest<Full<Bytes>>,
    retired: AtomicBool,
    pub(super) address: SocketAddr,
    pub(super) made: Instant,
}

impl Http2 {
    /// Speaks HTTP/2 on a new connection; `head` bounds the bytes of an answer's head.
    ///
    /// # Errors
    /// hyper's own; nothing was sent.
    pub(super) async fn new(connected: Connected, head: usize) -> Result<Self, hyper::Error> {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(head).unwrap_or(u32::MAX))
            .initial_stream_window_size(WINDOWS.0)
            .initial_connection_window_size(WINDOWS.1)
            .keep_alive_interval(PING.0)
            .keep_alive_timeout(PING.1);
        let (requests, connection) = builder.handshake(connected.stream).await?;
        tokio::spawn(async move {
            // What goes wrong is told to each request that goes over it.
            let _ = connection.await;
        });
        Ok(Self {
            requests,
            retired: AtomicBool::new(false),
            address: connected.address,
            made: Instant::now(),
        })
    }

    /// Sends a request and waits for the answer's head.
    ///
    /// # Errors
    /// With the request, where it was not sent.
    pub(super) async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Full<Bytes>>>> {
        self.requests.clone().try_send_request(request).await
    }

    /// Lets it take no further request.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    /// Whether it can take a request.
    pub(super) fn is_free(&self) -> bool {
        !self.retired.load(Ordering::Relaxed) && !self.requests.is_closed()
    }
}
