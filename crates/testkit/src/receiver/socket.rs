//! A TCP stream whose writing a script can slow down and whose end it can turn into a reset.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

/// The script's hand on one connection; shared between the socket and the answer in progress.
#[derive(Debug, Default)]
pub(super) struct Faults {
    reset: AtomicBool,
    byte_every_nanos: AtomicU64,
}

impl Faults {
    /// From now on the end of the connection is a reset.
    pub(super) fn reset_at_the_end(&self) {
        self.reset.store(true, Ordering::Release);
    }

    /// From now on one byte is written in each such time.
    pub(super) fn write_a_byte_every(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.byte_every_nanos.store(nanos, Ordering::Release);
    }

    fn byte_every(&self) -> Option<Duration> {
        match self.byte_every_nanos.load(Ordering::Acquire) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }
}

pub(super) struct Socket {
    stream: TcpStream,
    faults: Arc<Faults>,
    /// Runs while the next byte of a slowed answer is not due.
    pause: Option<Pin<Box<Sleep>>>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, faults: Arc<Faults>) -> Self {
        Self {
            stream,
            faults,
            pause: None,
        }
    }

    fn poll_slow_write(
        &mut self,
        context: &mut Context<'_>,
        first: &[u8],
        every: Duration,
    ) -> Poll<io::Result<usize>> {
        let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(every)));
        ready!(pause.as_mut().poll(context));
        self.pause = None;
        let first = &first[..first.len().min(1)];
        Pin::new(&mut self.stream).poll_write(context, first)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.faults.reset.load(Ordering::Acquire) {
            // Where it fails the connection is gone already, which is what was wanted.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.faults.byte_every() {
            None => Pin::new(&mut self.stream).poll_write(context, bytes),
            Some(every) => self.poll_slow_write(context, bytes, every),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.faults.byte_every() {
            None => Pin::new(&mut self.stream).poll_write_vectored(context, slices),
            Some(every) => {
                let first = slices.iter().find(|slice| !slice.is_empty());
                self.poll_slow_write(context, first.map_or(&[], |slice| slice), every)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.faults.reset.load(Ordering::Acquire) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
