//! What a scripted receiver answers: well-behaved, failing, slow or hostile.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// One scripted answer. Start from a constructor that names the behaviour, then add to it:
/// `Answer::status(503).header("retry-after", "7").after(Duration::from_millis(20))`.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(super) head: Head,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) delay: Duration,
    pub(super) body: Body,
    pub(super) byte_every: Option<Duration>,
}

/// What happens instead of, or before, the response head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    Sent,
    NeverSent,
    ClosedInstead,
    ResetInstead,
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    Whole(Bytes),
    /// These bytes, and then silence on an open connection.
    Hangs(Bytes),
    /// This chunk again and again.
    Endless(Bytes),
    /// These bytes, and then a TCP reset.
    Reset(Bytes),
}

impl Answer {
    /// 200 with an empty body.
    pub fn ok() -> Self {
        Self::status(200)
    }

    /// This status (100–999) with an empty body.
    pub fn status(code: u16) -> Self {
        Self {
            head: Head::Sent,
            status: StatusCode::from_u16(code).expect("a test names a valid status"),
            headers: HeaderMap::new(),
            delay: Duration::ZERO,
            body: Body::Whole(Bytes::new()),
            byte_every: None,
        }
    }

    /// 410, with which a receiver says that the endpoint is gone for good.
    pub fn gone() -> Self {
        Self::status(410)
    }

    /// This status with `Retry-After` in seconds. For a date, use [`Answer::header`].
    pub fn retry_after(code: u16, seconds: u64) -> Self {
        Self::status(code).header("retry-after", &seconds.to_string())
    }

    /// Takes the request and never answers, on an open connection.
    pub fn hang_before_head() -> Self {
        Self {
            head: Head::NeverSent,
            ..Self::ok()
        }
    }

    /// Sends the head of a 200 and the start of a chunked body that never ends.
    pub fn hang_in_body() -> Self {
        Self {
            body: Body::Hangs(Bytes::from_static(b"and then")),
            ..Self::ok()
        }
    }

    /// Sends the head of a 200 and body for as long as the other side reads.
    pub fn endless_body() -> Self {
        Self {
            body: Body::Endless(Bytes::from_static(&[b'x'; 16 * 1024])),
            ..Self::ok()
        }
    }

    /// A 200 with one header of 1 MiB.
    pub fn megabyte_header() -> Self {
        Self::ok().header("x-large", &"x".repeat(1024 * 1024))
    }

    /// Takes the request and closes the connection without a word.
    pub fn close_at_once() -> Self {
        Self {
            head: Head::ClosedInstead,
            ..Self::ok()
        }
    }

    /// Takes the request and resets the connection (TCP RST).
    pub fn reset_before_head() -> Self {
        Self {
            head: Head::ResetInstead,
            ..Self::ok()
        }
    }

    /// Sends the head of a 200 and the start of a chunked body, then resets the connection.
    pub fn reset_in_body() -> Self {
        Self {
            body: Body::Reset(Bytes::from_static(b"and then")),
            ..Self::ok()
        }
    }

    /// Its status, where its head is sent and its body neither hangs nor breaks off.
    pub(super) fn counts_as(&self) -> Option<u16> {
        let goes_on = matches!(self.body, Body::Whole(_) | Body::Endless(_));
        (self.head == Head::Sent && goes_on).then(|| self.status.as_u16())
    }

    /// Adds a response header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("a test names a valid header");
        let value = HeaderValue::from_str(value).expect("a test gives a valid header value");
        self.headers.append(name, value);
        self
    }

    /// Points elsewhere; give it a 3xx status.
    #[must_use]
    pub fn location(self, url: &str) -> Self {
        self.header(header::LOCATION.as_str(), url)
    }

    /// Sets the whole body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Body::Whole(body.into());
        self
    }

    /// Waits this long between the whole request and the response head.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Writes the answer, head included, one byte in each such time. Over TLS these are bytes of
    /// the encrypted stream. The connection stays slow for later answers.
    #[must_use]
    pub fn byte_every(mut self, time: Duration) -> Self {
        self.byte_every = Some(time);
        self
    }
}
