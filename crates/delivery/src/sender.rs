//! The sender: one HTTP request at a time from the lanes, over pooled connections.
//!
//! # How it works
//!
//! Connections are made by the [guard](crate::guard) and wait in the pool by origin (scheme,
//! host and port). HTTP/2 is used where TLS's ALPN agrees on it, HTTP/1.1 otherwise. A connection of
//! HTTP/1.1 is driven by the request that goes over it, in the same task.
//!
//! A pooled connection that the other side has closed is noticed before a request is written to it,
//! or the request comes back unwritten and goes out again on another one. Where a byte may have been
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
mod http1;
mod http2;
mod line;
mod options;
mod origin;
mod pool;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use fanfare_app::port::sender::{Exchange, OutboundRequest, Response, Sender};
use fanfare_domain::attempt::{AttemptError, Timings};
use hickory_resolver::net::NetError;
use http::{Request, Uri, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use crate::guard::{AuthorityError, Connector, Dial, Names, NamesOptions, client_config};
use answer_body::{End, Start};
use failure::Failed;
use http1::Http1;
use http2::Http2;
pub use options::{Permit, SenderOptions};
use origin::Origin;
use pool::{Keeping, Line, Pool};

/// hyper's own least size of a buffer for a head.
const LEAST_HEAD: usize = 8 * 1024;

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
    connector: Connector,
    pool: Arc<Pool>,
    /// Bytes of an answer's head.
    head: usize,
    max_kept_connections: usize,
    kept_body: usize,
    max_drain: usize,
}

impl HttpSender {
    /// Sets the pool, the look-ups and TLS up. Reads the system's files for that, so call it at the
    /// start only, within a runtime.
    ///
    /// # Errors
    /// What of it can't be used.
    pub fn new(options: SenderOptions) -> Result<Self, SenderSetupError> {
        let names = Names::new(NamesOptions {
            nameservers: options.nameservers,
            patience: options.lookup_timeout,
        })?;
        let tls = client_config(&options.extra_authorities)?;
        let connector = Connector::new(
            names,
            options.addresses,
            tls,
            options.connect_timeout,
            options.permit,
        );
        Ok(Self {
            connector,
            pool: Pool::new(Keeping {
                idle_timeout: options.idle_timeout,
                max_age: options.max_connection_age,
                max_idle: options.max_idle_per_host,
            }),
            head: options.max_response_headers.max(LEAST_HEAD),
            max_kept_connections: options.max_kept_connections,
            kept_body: options.kept_body,
            max_drain: options.max_drain,
        })
    }
}

#[async_trait]
impl Sender for HttpSender {
    async fn send(&self, outbound: OutboundRequest) -> Exchange {
        let started = Instant::now();
        let limit = outbound.timeout;
        let deadline = started + limit;
        let dial = Dial::default();
        let Some(origin) = Origin::of(&outbound.uri) else {
            let error = failure::unusable("the URL has no host");
            return failed(started, &dial, error);
        };
        let mut request = Request::new(Full::new(outbound.body));
        *request.method_mut() = outbound.method;
        *request.uri_mut() = outbound.uri;
        *request.headers_mut() = outbound.headers;

        let mut line = None;
        let asking = self.ask(&origin, request, &dial, &mut line);
        let answer = match timeout_at(deadline, asking).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(failure)) => {
                let host = origin.authority.host();
                return failed(started, &dial, failure.into_error(host));
            }
            Err(_) => {
                let connecting = line.is_none().then(|| dial.progress().stage);
                line.as_ref().inspect(|line| line.retire());
                let error = failure::out_of_time(limit, connecting);
                return failed(started, &dial, error);
            }
        };
        let first_byte = started.elapsed();

        let (head, body) = answer.into_parts();
        let mut start = Start::default();
        let error = match line {
            None => None,
            Some(mut line) => {
                let reading = start.read(&mut line, body, self.kept_body, self.max_drain);
                match timeout_at(deadline, reading).await {
                    Ok(Ok(End::Reached)) => {
                        self.keep(line).await;
                        None
                    }
                    Ok(Ok(End::PastTheBound)) => None,
                    Ok(Err(error)) => Some(failure::of(&error, origin.authority.host())),
                    Err(_) => {
                        line.retire();
                        Some(failure::endless(limit))
                    }
                }
            }
        };
        let response = Response {
            status: head.status.as_u16(),
            version: version_name(head.version),
            headers: head.headers,
            body: start.kept,
            truncated: start.truncated,
        };
        let progress = dial.progress();
        Exchange {
            address: progress.address,
            timings: Timings {
                first_byte: Some(first_byte),
                total: started.elapsed(),
                ..timings(&dial)
            },
            response: Some(response),
            error,
        }
    }
}

impl HttpSender {
    /// Sends a request over a connection, which it leaves in `line`, and waits for the answer's head.
    async fn ask(
        &self,
        origin: &Origin,
        mut request: Request<Full<Bytes>>,
        dial: &Dial,
        line: &mut Option<Line>,
    ) -> Result<http::Response<Incoming>, Failed> {
        let uri = request.uri().clone();
        while let Some(kept) = self.pool.take(origin) {
            let kept = line.insert(kept);
            if !kept.is_free().await {
                *line = None;
                continue;
            }
            dial.was_made_before(kept.address());
            match kept.send(request).await {
                Ok(answer) => return Ok(answer),
                Err(mut failure) => match failure.take_message() {
                    // Closed before anything was written.
                    Some(unsent) => {
                        request = unsent;
                        *request.uri_mut() = uri.clone();
                    }
                    None => return Err(failure.into_error().into()),
                },
            }
            *line = None;
        }
        // Apart, since it is rare and its future is most of what a request's would be.
        let made = Box::pin(self.open(&uri, origin, dial)).await?;
        let sent = line.insert(made).send(request).await;
        sent.map_err(|failure| failure.into_error().into())
    }

    /// Makes a connection.
    async fn open(&self, uri: &Uri, origin: &Origin, dial: &Dial) -> Result<Line, Failed> {
        let connected = self.connector.connect(uri, dial).await?;
        if connected.http2 {
            let connection = Http2::new(connected, self.head).await?;
            return Ok(Line::Http2(self.pool.share(origin.clone(), connection)));
        }
        let connection = Http1::new(connected, origin.clone(), self.head).await?;
        Ok(Line::Http1(Box::new(connection)))
    }

    /// Keeps a connection whose answer was read to its end, where it can take another request.
    async fn keep(&self, line: Line) {
        let Line::Http1(mut connection) = line else {
            return;
        };
        let room = self.connector.open().count() <= self.max_kept_connections;
        if connection.is_free().await && room {
            self.pool.give_back(connection);
        } else {
            connection.close();
        }
    }
}

/// Times of the connection, where it was made for this request.
fn timings(dial: &Dial) -> Timings {
    let progress = dial.progress();
    Timings {
        lookup: progress.lookup,
        connect: progress.connect,
        tls: progress.tls,
        ..Timings::default()
    }
}

fn failed(started: Instant, dial: &Dial, error: AttemptError) -> Exchange {
    Exchange {
        address: dial.progress().address,
        timings: Timings {
            total: started.elapsed(),
            ..timings(dial)
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
