//! What a request does with a connection, whichever HTTP it speaks.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::TrySendError;

use super::pool::Line;

impl Line {
    pub(super) fn address(&self) -> SocketAddr {
        match self {
            Self::Http1(connection) => connection.address,
            Self::Http2(connection) => connection.address,
        }
    }

    /// Whether it can take a request now.
    pub(super) async fn is_free(&mut self) -> bool {
        match self {
            Self::Http1(connection) => connection.is_free().await,
            Self::Http2(connection) => connection.is_free(),
        }
    }

    /// Sends a request and waits for the answer's head.
    ///
    /// # Errors
    /// With the request, where not a byte of it was written.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Full<Bytes>>>> {
        match self {
            Self::Http1(connection) => connection.send(request).await,
            Self::Http2(connection) => connection.send(request).await,
        }
    }

    /// The next piece of an answer's body.
    pub(super) fn poll_frame(
        &mut self,
        body: &mut Incoming,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self {
            Self::Http1(connection) => connection.poll_frame(body, context),
            Self::Http2(_) => Pin::new(body).poll_frame(context),
        }
    }

    /// Lets no further request go over it: one of HTTP/1.1 ends with its request anyway.
    pub(super) fn retire(&self) {
        if let Self::Http2(connection) = self {
            connection.retire();
        }
    }
}
