//! The sender: one HTTP request at a time from the lanes, over pooled connections.
//!
//! # How it works
//!
//! hyper-util's client pools connections by origin (scheme, host and port) and makes new ones with
//! the [guard](crate::guard). HTTP/2 is used where TLS's ALPN agrees on it, HTTP/1.1 otherwise.
//!
//! A pooled connection that the other side has closed is noticed before a request is written to it,
//! or the request comes back unwritten and goes out again on a fresh one. Where a byte may have been
//! written the attempt fails with `connection_closed`, since it may have arrived.
//!
//! # Limits
//!
//! * The request's time holds for everything, the answer's body included.
//! * The answer's head is bounded in bytes; past that the attempt fails with `protocol`.
//! * Of the body a start is kept. A body longer than what is kept and drained counts as whole; the
//!   rest is never read. One that ends in time and in bounds is read to its end, so that an answer
//!   cut short is told from a whole one.
//! * Connections age out by idleness and by age, and are not kept past a number.
//! * A request that is dropped or out of time, or whose answer is not read to its end, takes its
//!   HTTP/1.1 connection with it at once, even where the receiver does not read. Over HTTP/2 its
//!   stream is reset; out of time, the connection takes no further request.
//!
//! Redirects are answers like any other. Bodies are not decompressed.

mod answer_body;
mod failure;
mod link;
mod options;

use std::cell::RefCell;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use fanfare_app::port::sender::{Exchange, OutboundRequest, Response, Sender};
use fanfare_domain::attempt::{AttemptError, Timings};
use hickory_resolver::net::NetError;
use http::{Request, Version};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, timeout_at};

use crate::guard::{
    AuthorityError, Connector, DIAL, Names, NamesOptions, OpenConnections, client_config,
};
use answer_body::{End, Start};
use link::Link;
pub use options::SenderOptions;

/// hyper's own least size of a buffer for a head.
const LEAST_HEAD: usize = 8 * 1024;
/// Bytes of an HTTP/2 answer that may come before they are asked for: on a stream, on a connection.
const WINDOWS: (u32, u32) = (64 * 1024, 1024 * 1024);
/// A silent HTTP/2 connection with requests on it is asked after the first whether it lives, and
/// given up after the second.
const PING: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(5));

/// Why there is no sender.
#[derive(Debug, thiserror::Error)]
pub enum SenderSetupError {
    /// An authority can't be used.
    #[error("deliveries by TLS can't be set up")]
    Tls(#[from] AuthorityError),
    /// The system's resolver configuration can't be understood.
    #[error("look-ups of names can't be set up")]
    Names(#[from] NetError),
}

/// Sends requests over the network.
pub struct HttpSender {
    client: Client<Connector, Full<Bytes>>,
    open: OpenConnections,
    max_kept_connections: usize,
    max_connection_age: Duration,
    kept_body: usize,
    max_drain: usize,
}

impl HttpSender {
    /// Sets the pool, the look-ups and TLS up. Reads the system's files for that, so call it at the
    /// start only.
    ///
    /// # Errors
    /// What of it can't be used.
    pub fn new(options: SenderOptions) -> Result<Self, SenderSetupError> {
        let names = Names::new(NamesOptions {
            nameservers: options.nameservers,
            patience: options.lookup_timeout,
        })?;
        let tls = client_config(&options.extra_authorities)?;
        let connector = Connector::new(names, options.addresses, tls, options.connect_timeout);
        let open = connector.open().clone();
        let head = options.max_response_headers.max(LEAST_HEAD);
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(options.idle_timeout)
            .pool_max_idle_per_host(options.max_idle_per_host)
            .retry_canceled_requests(true)
            .http1_max_buf_size(head)
            .http2_max_header_list_size(u32::try_from(head).unwrap_or(u32::MAX))
            .http2_initial_stream_window_size(WINDOWS.0)
            .http2_initial_connection_window_size(WINDOWS.1)
            .http2_keep_alive_interval(PING.0)
            .http2_keep_alive_timeout(PING.1)
            .build(connector);
        Ok(Self {
            client,
            open,
            max_kept_connections: options.max_kept_connections,
            max_connection_age: options.max_connection_age,
            kept_body: options.kept_body,
            max_drain: options.max_drain,
        })
    }
}

#[async_trait]
impl Sender for HttpSender {
    async fn send(&self, request: OutboundRequest) -> Exchange {
        DIAL.scope(RefCell::new(None), self.exchange(request)).await
    }
}

impl HttpSender {
    async fn exchange(&self, outbound: OutboundRequest) -> Exchange {
        let started = Instant::now();
        let limit = outbound.timeout;
        let deadline = started + limit;
        let host = outbound.uri.authority().cloned();
        let host = host.as_ref().map_or("", |authority| authority.host());
        let mut request = Request::new(Full::new(outbound.body));
        *request.method_mut() = outbound.method;
        *request.uri_mut() = outbound.uri;
        *request.headers_mut() = outbound.headers;
        if request.uri().scheme().is_none() || host.is_empty() {
            return failed(started, None, failure::unusable("the URL has no host"));
        }

        let mut link = Link::of(&mut request);
        let head = timeout_at(deadline, self.client.request(request)).await;
        link.learn();
        let answer = match head {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return failed(started, Some(&link), failure::of(&error, host)),
            Err(_) => {
                link.retire();
                let error = failure::out_of_time(limit, link.connecting());
                return failed(started, Some(&link), error);
            }
        };
        let first_byte = started.elapsed();
        if link.age() >= self.max_connection_age {
            link.retire();
        }

        let (head, body) = answer.into_parts();
        let mut start = Start::default();
        let reading = start.read(body, self.kept_body, self.max_drain);
        let error = match timeout_at(deadline, reading).await {
            Ok(Ok(End::Reached)) => {
                if self.open.count() <= self.max_kept_connections {
                    link.finish();
                }
                None
            }
            Ok(Ok(End::PastTheBound)) => None,
            Ok(Err(error)) => Some(failure::of(&error, host)),
            Err(_) => {
                link.retire();
                Some(failure::endless(limit))
            }
        };
        let response = Response {
            status: head.status.as_u16(),
            version: version_name(head.version),
            headers: head.headers,
            body: start.kept,
            truncated: start.truncated,
        };
        let timings = Timings {
            first_byte: Some(first_byte),
            total: started.elapsed(),
            ..link.timings()
        };
        Exchange {
            address: link.address(),
            timings,
            response: Some(response),
            error,
        }
    }
}

fn failed(started: Instant, link: Option<&Link>, error: AttemptError) -> Exchange {
    let timings = link.map_or_else(Timings::default, Link::timings);
    Exchange {
        address: link.and_then(Link::address),
        timings: Timings {
            total: started.elapsed(),
            ..timings
        },
        response: None,
        error: Some(error),
    }
}

fn version_name(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}
