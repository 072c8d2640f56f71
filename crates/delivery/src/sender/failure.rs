//! From what the client reports to a kind for programs and words for people.

use std::error::Error;
use std::io;
use std::time::Duration;

use fanfare_domain::attempt::{AttemptError, ErrorKind};

use crate::guard::{ConnectFailure, Stage, describe_tls};

/// Why there is no answer.
pub(super) enum Failed {
    /// There was no connection.
    Connect(ConnectFailure),
    /// There was one.
    Request(hyper::Error),
}

impl From<ConnectFailure> for Failed {
    fn from(failure: ConnectFailure) -> Self {
        Self::Connect(failure)
    }
}

impl From<hyper::Error> for Failed {
    fn from(failure: hyper::Error) -> Self {
        Self::Request(failure)
    }
}

impl Failed {
    /// The kind, and words for people, of a request to this host.
    pub(super) fn into_error(self, host: &str) -> AttemptError {
        match self {
            Self::Connect(failure) => error(failure.kind, failure.detail),
            Self::Request(failure) => of(&failure, host),
        }
    }
}

/// How deep errors are looked into; none is deeper.
const DEPTH: usize = 16;

fn error(kind: ErrorKind, detail: impl Into<String>) -> AttemptError {
    AttemptError {
        kind,
        detail: detail.into(),
    }
}

/// The request has no form that can be sent.
pub(super) fn unusable(detail: &str) -> AttemptError {
    error(ErrorKind::Request, detail)
}

/// The request's time is over; `connecting` says how far its own connection had come, where it
/// waited for one.
pub(super) fn out_of_time(limit: Duration, connecting: Option<Stage>) -> AttemptError {
    let (kind, what) = match connecting {
        Some(Stage::Lookup) => (ErrorKind::NameLookup, "no answer of the name servers"),
        Some(Stage::Connect) => (ErrorKind::ConnectTimeout, "no connection"),
        Some(Stage::Tls) => (ErrorKind::ConnectTimeout, "no end of the TLS handshake"),
        Some(Stage::Connected) | None => (ErrorKind::Timeout, "no answer"),
    };
    error(kind, format!("{what} within {limit:?}"))
}

/// The answer's body did not end in time.
pub(super) fn endless(limit: Duration) -> AttemptError {
    error(
        ErrorKind::Timeout,
        format!("no end of the answer's body within {limit:?}"),
    )
}

/// What the client reports of a request, or of an answer's body.
pub(super) fn of(failure: &(dyn Error + 'static), host: &str) -> AttemptError {
    let chain = || std::iter::successors(Some(failure), |error| cause(*error)).take(DEPTH);
    // The innermost cause that says something is the most precise one.
    chain()
        .filter_map(|failure| known(failure, host))
        .last()
        .unwrap_or_else(|| error(ErrorKind::Protocol, "the answer is no HTTP"))
}

/// I/O errors wrap others without naming them as their source.
fn cause<'a>(failure: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match failure.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => failure.source(),
    }
}

fn known(failure: &(dyn Error + 'static), host: &str) -> Option<AttemptError> {
    if let Some(failure) = failure.downcast_ref::<h2::Error>() {
        return of_http2(failure);
    }
    if let Some(failure) = failure.downcast_ref::<io::Error>() {
        return Some(of_io(failure, host));
    }
    failure.downcast_ref::<hyper::Error>().and_then(of_hyper)
}

fn of_hyper(failure: &hyper::Error) -> Option<AttemptError> {
    if failure.is_parse_too_large() {
        return Some(error(
            ErrorKind::Protocol,
            "the answer's headers are larger than what is accepted",
        ));
    }
    if failure.is_parse() {
        return Some(error(
            ErrorKind::Protocol,
            "what came is no answer in HTTP/1.1",
        ));
    }
    if failure.is_user() {
        return Some(unusable("the request can't be written as HTTP"));
    }
    let closed = failure.is_incomplete_message() || failure.is_closed() || failure.is_canceled();
    closed.then(closed_early)
}

fn of_http2(failure: &h2::Error) -> Option<AttemptError> {
    if failure.is_io() {
        // The cause within says it better.
        return Some(closed_early());
    }
    let reason = failure.reason()?;
    Some(if failure.is_remote() {
        error(
            ErrorKind::ConnectionClosed,
            format!("the other side ended the HTTP/2 request: {reason}"),
        )
    } else {
        error(
            ErrorKind::Protocol,
            format!("the other side broke the rules of HTTP/2: {reason}"),
        )
    })
}

fn of_io(failure: &io::Error, host: &str) -> AttemptError {
    if failure
        .get_ref()
        .is_some_and(|inner| inner.is::<rustls::Error>())
    {
        return error(ErrorKind::Tls, describe_tls(failure, &host));
    }
    match failure.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            error(ErrorKind::Protocol, "the answer's body is not well-formed")
        }
        _ => closed_early(),
    }
}

fn closed_early() -> AttemptError {
    error(
        ErrorKind::ConnectionClosed,
        "the other side ended the connection before the whole answer had come",
    )
}
