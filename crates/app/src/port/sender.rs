//! The network: one HTTP request, and what came of it.

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use fanfare_domain::attempt::{AttemptError, Timings};
use http::{HeaderMap, Method, Uri};

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct OutboundRequest {
    /// How: deliveries are sent by `POST`.
    pub method: Method,
    /// Where to.
    pub uri: Uri,
    /// All headers but those of the connection and the body's length.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Time for everything, the answer's body included.
    pub timeout: Duration,
}

/// What came of a request.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The address that was connected to.
    pub address: Option<SocketAddr>,
    /// How long the parts took.
    pub timings: Timings,
    /// The answer, as far as it came; none where not even its head came.
    pub response: Option<Response>,
    /// What went wrong; none after a whole answer.
    pub error: Option<AttemptError>,
}

/// An answer, within the bounds of what is kept.
#[derive(Clone, Debug)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Its HTTP version, `HTTP/1.1`.
    pub version: &'static str,
    /// Its headers.
    pub headers: HeaderMap,
    /// The start of its body.
    pub body: Vec<u8>,
    /// Whether the body went on.
    pub truncated: bool,
}

/// Sends requests. Decides on each address before connecting to it, and follows no redirects.
#[async_trait]
pub trait Sender: Send + Sync + 'static {
    /// Sends one request; never fails otherwise than in what it answers.
    async fn send(&self, request: OutboundRequest) -> Exchange;
}
