//! A guarded connection.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_rustls::client::TlsStream;

use super::open::OpenConnection;
use crate::sender::Permit;

/// How long a connection may take no byte while there are some to write. One of HTTP/2 writes also
/// where nobody waits for an answer any more, and a receiver that reads nothing would hold it for
/// good.
const STALL: Duration = Duration::from_secs(30);

/// A connection to an address that was decided on, with or without TLS.
pub(crate) struct Stream {
    transport: Transport,
    /// Runs while nothing can be written.
    stall: Option<Pin<Box<Sleep>>>,
    /// Asked before each write.
    permit: Permit,
    _open: OpenConnection,
}

enum Transport {
    Plain(TcpStream),
    // Boxed: it is twenty times the size of the other.
    Tls(Box<TlsStream<TcpStream>>),
}

trait Io: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Io for T {}

impl Stream {
    pub(super) fn plain(stream: TcpStream, open: OpenConnection, permit: Permit) -> Self {
        Self::new(Transport::Plain(stream), open, permit)
    }

    pub(super) fn tls(stream: TlsStream<TcpStream>, open: OpenConnection, permit: Permit) -> Self {
        Self::new(Transport::Tls(Box::new(stream)), open, permit)
    }

    fn new(transport: Transport, open: OpenConnection, permit: Permit) -> Self {
        Self {
            transport,
            stall: None,
            permit,
            _open: open,
        }
    }

    /// Whether the handshake agreed on HTTP/2.
    pub(super) fn is_http2(&self) -> bool {
        match &self.transport {
            Transport::Plain(_) => false,
            Transport::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }

    fn step_of_writing<T>(
        &mut self,
        context: &mut Context<'_>,
        step: impl FnOnce(Pin<&mut dyn Io>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let done = step(self.transport.io(), context);
        if done.is_ready() {
            self.stall = None;
            return done;
        }
        let stall = self.stall.get_or_insert_with(|| Box::pin(sleep(STALL)));
        match stall.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => done,
        }
    }
}

impl Transport {
    fn io(&mut self) -> Pin<&mut dyn Io> {
        match self {
            Self::Plain(stream) => Pin::new(stream),
            Self::Tls(stream) => Pin::new(stream),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.transport.io().poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.permit.check()?;
        self.step_of_writing(context, |io, context| io.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.permit.check()?;
        self.step_of_writing(context, |io, context| {
            io.poll_write_vectored(context, slices)
        })
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Plain(stream) => stream.is_write_vectored(),
            Transport::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.step_of_writing(context, |io, context| io.poll_flush(context))
    }

    /// Says goodbye where that takes no waiting: a receiver that reads nothing must not keep the
    /// connection by leaving no room for TLS's last words.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.transport.io().poll_shutdown(context) {
            Poll::Pending => Poll::Ready(Ok(())),
            said => said,
        }
    }
}
