//! The body of a scripted answer, as hyper sends it.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::{answer::Body, socket::Faults};

/// How long the start of a body has to reach the other side before a reset takes the rest, which
/// would otherwise overtake it.
const BEFORE_THE_RESET: Duration = Duration::from_millis(30);

pub(super) enum AnswerBody {
    Whole(Option<Bytes>),
    Hangs(Option<Bytes>),
    Endless(Bytes),
    Reset {
        start: Option<Bytes>,
        wait: Pin<Box<Sleep>>,
        faults: Arc<Faults>,
    },
}

impl AnswerBody {
    pub(super) fn new(script: &Body, faults: &Arc<Faults>) -> Self {
        match script {
            Body::Whole(bytes) => Self::Whole((!bytes.is_empty()).then(|| bytes.clone())),
            Body::Hangs(start) => Self::Hangs(Some(start.clone())),
            Body::Endless(chunk) => Self::Endless(chunk.clone()),
            Body::Reset(start) => Self::Reset {
                start: Some(start.clone()),
                wait: Box::pin(sleep(BEFORE_THE_RESET)),
                faults: faults.clone(),
            },
        }
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let frame = |bytes| Poll::Ready(Some(Ok(Frame::data(bytes))));
        match &mut *self {
            Self::Whole(bytes) => match bytes.take() {
                Some(bytes) => frame(bytes),
                None => Poll::Ready(None),
            },
            Self::Hangs(start) => match start.take() {
                Some(start) => frame(start),
                // No waker is kept: nothing ever wakes this but the end of the connection.
                None => Poll::Pending,
            },
            Self::Endless(chunk) => frame(chunk.clone()),
            Self::Reset {
                start,
                wait,
                faults,
            } => {
                if let Some(start) = start.take() {
                    return frame(start);
                }
                ready!(wait.as_mut().poll(context));
                faults.reset_at_the_end();
                Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            _ => SizeHint::default(),
        }
    }
}
