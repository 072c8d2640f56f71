//! A connection of HTTP/1.1. Nothing drives it but the request that goes over it: its future reads and
//! writes, so that a request costs no task beside its own, and dropping it ends the connection.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Request, Response, Uri, header};
use http_body::Frame;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::origin::Origin;
use crate::guard::{Connected, Stream};

/// One connection, on which one request at a time is under way.
pub(super) struct Http1 {
    requests: SendRequest<Full<Bytes>>,
    /// None once it has ended.
    connection: Option<Connection<TokioIo<Stream>, Full<Bytes>>>,
    host: HeaderValue,
    pub(super) origin: Origin,
    pub(super) address: SocketAddr,
    pub(super) made: Instant,
}

impl Http1 {
    /// Speaks HTTP/1.1 on a new connection; `head` bounds the bytes of an answer's head.
    ///
    /// # Errors
    /// hyper's own; nothing was sent.
    pub(super) async fn new(
        connected: Connected,
        origin: Origin,
        head: usize,
    ) -> Result<Self, hyper::Error> {
        let mut builder = Builder::new();
        builder.max_buf_size(head);
        let (requests, connection) = builder.handshake(connected.stream).await?;
        Ok(Self {
            requests,
            connection: Some(connection),
            host: host(&origin),
            origin,
            address: connected.address,
            made: Instant::now(),
        })
    }

    /// Sends a request and waits for the answer's head.
    ///
    /// # Errors
    /// With the request, where not a byte of it was written.
    pub(super) async fn send(
        &mut self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Full<Bytes>>>> {
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
        if !request.headers().contains_key(header::HOST) {
            let host = self.host.clone();
            request.headers_mut().insert(header::HOST, host);
        }
        let Self {
            requests,
            connection,
            ..
        } = self;
        let mut answer = pin!(requests.try_send_request(request));
        poll_fn(|context| {
            drive(connection, context);
            answer.as_mut().poll(context)
        })
        .await
    }

    /// The next piece of an answer's body.
    pub(super) fn poll_frame(
        &mut self,
        body: &mut Incoming,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let come = Pin::new(&mut *body).poll_frame(context);
        if come.is_ready() {
            return come;
        }
        drive(&mut self.connection, context);
        Pin::new(body).poll_frame(context)
    }

    /// Whether it can take a request now: it lives, and nothing is left to be read or written.
    pub(super) async fn is_free(&mut self) -> bool {
        poll_fn(|context| Poll::Ready(self.look(context))).await
    }

    /// The same, where nobody waits for it.
    pub(super) fn is_free_now(&mut self) -> bool {
        self.look(&mut Context::from_waker(Waker::noop()))
    }

    fn look(&mut self, context: &mut Context<'_>) -> bool {
        drive(&mut self.connection, context);
        self.connection.is_some() && self.requests.is_ready()
    }

    /// Ends it, and says goodbye where that takes no waiting.
    pub(super) fn close(self) {
        let mut connection = self.connection;
        drop(self.requests);
        drive(&mut connection, &mut Context::from_waker(Waker::noop()));
    }
}

/// Reads and writes what there is. What goes wrong is told to the request that goes over it.
fn drive(
    connection: &mut Option<Connection<TokioIo<Stream>, Full<Bytes>>>,
    context: &mut Context<'_>,
) {
    if let Some(alive) = connection
        && Pin::new(alive).poll(context).is_ready()
    {
        // Dropped, it gives back the request that it did not take.
        *connection = None;
    }
}

/// The header `Host` of an origin: without the port that its scheme has anyway.
fn host(origin: &Origin) -> HeaderValue {
    let host = if origin.has_default_port() {
        origin.authority.host()
    } else {
        authority_without_user(&origin.authority)
    };
    // An authority's characters are ones of header values too.
    HeaderValue::from_str(host).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn authority_without_user(authority: &Authority) -> &str {
    let text = authority.as_str();
    text.rsplit_once('@').map_or(text, |(_, place)| place)
}
