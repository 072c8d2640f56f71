//! A guarded connection, as the pool holds it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_rustls::client::TlsStream;

use super::dial::Dial;
use super::open::OpenConnection;

/// How long a connection may take no byte while there are some to write. hyper waits for its
/// buffers to empty also where nobody waits for an answer any more, and a receiver that reads
/// nothing would hold the connection for good.
const STALL: Duration = Duration::from_secs(30);

/// A connection to an address that was decided on, with or without TLS.
pub(crate) struct Stream {
    transport: Transport,
    dial: Arc<Dial>,
    /// Runs while nothing can be written.
    stall: Option<Pin<Box<Sleep>>>,
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
    pub(super) fn plain(stream: TcpStream, dial: Arc<Dial>, open: OpenConnection) -> Self {
        Self::new(Transport::Plain(stream), dial, open)
    }

    /// HTTP/2 where the handshake agreed on it.
    pub(super) fn tls(stream: TlsStream<TcpStream>, dial: Arc<Dial>, open: OpenConnection) -> Self {
        let transport = Transport::Tls(Box::new(stream));
        if transport.is_http2() {
            dial.carries_many();
        }
        Self::new(transport, dial, open)
    }

    fn new(transport: Transport, dial: Arc<Dial>, open: OpenConnection) -> Self {
        Self {
            transport,
            dial,
            stall: None,
            _open: open,
        }
    }

    /// Does one step, unless nobody wants the connection any more.
    fn step<T>(
        &mut self,
        context: &mut Context<'_>,
        step: impl FnOnce(Pin<&mut dyn Io>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let io: Pin<&mut dyn Io> = match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream),
            Transport::Tls(stream) => Pin::new(stream),
        };
        if self.dial.is_given_up() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let done = step(io, context);
        if done.is_pending() && self.dial.is_given_up_later(context.waker()) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        done
    }

    fn step_of_writing<T>(
        &mut self,
        context: &mut Context<'_>,
        step: impl FnOnce(Pin<&mut dyn Io>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let done = self.step(context, step);
        if done.is_ready() {
            if self.stall.take().is_some() {
                self.dial.set_blocked(false);
            }
            return done;
        }
        let stall = self.stall.get_or_insert_with(|| {
            self.dial.set_blocked(true);
            Box::pin(sleep(STALL))
        });
        match stall.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => done,
        }
    }
}

impl Transport {
    fn is_http2(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = Connected::new().extra(self.dial.clone());
        if self.transport.is_http2() {
            connected.negotiated_h2()
        } else {
            connected
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.step(context, |io, context| io.poll_read(context, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.step_of_writing(context, |io, context| io.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
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
        match self.step(context, |io, context| io.poll_shutdown(context)) {
            Poll::Pending => Poll::Ready(Ok(())),
            said => said,
        }
    }
}
