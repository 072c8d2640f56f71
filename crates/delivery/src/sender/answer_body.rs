//! Reading an answer's body: the start is kept, a little more is thrown away, the rest is left.

use std::future::poll_fn;

use hyper::body::{Body, Incoming};

use super::pool::Line;

/// The start of a body, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Start {
    pub(super) kept: Vec<u8>,
    /// Whether the body went on after what is kept.
    pub(super) truncated: bool,
}

/// Where reading stopped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// At the body's end.
    Reached,
    /// Before it, with as much as may be read.
    PastTheBound,
}

impl Start {
    /// Reads to the end, or until `keep` and `drain` bytes have come; then the body is let go. What
    /// was read so far stays in `self` when this is dropped.
    ///
    /// # Errors
    /// The body ended before its end.
    pub(super) async fn read(
        &mut self,
        line: &mut Line,
        mut body: Incoming,
        keep: usize,
        drain: usize,
    ) -> Result<End, hyper::Error> {
        if body.is_end_stream() {
            return Ok(End::Reached);
        }
        let mut left = keep.saturating_add(drain);
        while let Some(frame) = poll_fn(|context| line.poll_frame(&mut body, context)).await {
            // Trailers are nothing that anybody looks at.
            let Ok(data) = frame?.into_data() else {
                continue;
            };
            let room = keep - self.kept.len();
            self.kept.extend_from_slice(&data[..data.len().min(room)]);
            self.truncated |= data.len() > room;
            if data.len() > left {
                return Ok(End::PastTheBound);
            }
            left -= data.len();
        }
        Ok(End::Reached)
    }
}
