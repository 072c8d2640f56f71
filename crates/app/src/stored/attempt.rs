//! What of an attempt is only ever read with the whole of it.

use std::net::SocketAddr;
use std::time::Duration;

use fanfare_domain::attempt::{Attempt, AttemptError, ErrorKind, Headers, Timings, Trigger};
use fanfare_domain::id::AttemptId;
use fanfare_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A JSON list, shorter than one with names. A later form gets another number, and this one is still
/// read.
#[derive(Serialize, Deserialize)]
struct Rest<U, D, H>(
    /// 1.
    u8,
    Trigger,
    U,
    Option<SocketAddr>,
    Option<String>,
    /// Look-up, connect, TLS, first byte, total; microseconds.
    [Option<u64>; 5],
    /// The error's detail.
    Option<D>,
    /// Headers sent, and headers of the answer.
    H,
    H,
    /// Whether the answer's body went on.
    bool,
);

const FORM: u8 = 1;

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Everything that has no column of its own.
///
/// # Errors
/// When a part can't be written as JSON.
pub fn rest_to_text(attempt: &Attempt) -> Result<String, serde_json::Error> {
    let timings = &attempt.timings;
    let parts = [
        timings.lookup,
        timings.connect,
        timings.tls,
        timings.first_byte,
        Some(timings.total),
    ];
    serde_json::to_string(&Rest(
        FORM,
        attempt.trigger,
        &*attempt.url,
        attempt.address,
        attempt.http_version.clone(),
        parts.map(|part| part.map(micros)),
        attempt.error.as_ref().map(|error| &*error.detail),
        &attempt.request_headers,
        &attempt.response_headers,
        attempt.response_truncated,
    ))
}

/// The columns of an attempt.
#[derive(Debug)]
pub struct Columns {
    /// Its id.
    pub id: AttemptId,
    /// When it began.
    pub started_at: Timestamp,
    /// The status of the answer.
    pub status: Option<u16>,
    /// The kind of its error.
    pub error: Option<ErrorKind>,
    /// What [`rest_to_text`] gave.
    pub rest: String,
    /// The answer's body; none for an empty one.
    pub response_body: Option<Vec<u8>>,
}

/// The text is not what [`rest_to_text`] gives.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableRest {
    /// It is no such JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// It was written in a form that this release does not know.
    #[error("it has the unknown form {0}")]
    Form(u8),
}

/// The attempt that was written as these columns.
///
/// # Errors
/// When `rest` can't be understood.
pub fn from_columns(columns: Columns) -> Result<Attempt, UnreadableRest> {
    let Rest(
        form,
        trigger,
        url,
        address,
        http_version,
        timings,
        detail,
        sent,
        answered,
        response_truncated,
    ): Rest<String, String, Headers> = serde_json::from_str(&columns.rest)?;
    if form != FORM {
        return Err(UnreadableRest::Form(form));
    }
    let [lookup, connect, tls, first_byte, total] =
        timings.map(|part| part.map(Duration::from_micros));
    Ok(Attempt {
        id: columns.id,
        started_at: columns.started_at,
        trigger,
        url,
        address,
        http_version,
        timings: Timings {
            lookup,
            connect,
            tls,
            first_byte,
            total: total.unwrap_or_default(),
        },
        status: columns.status,
        error: columns.error.map(|kind| AttemptError {
            kind,
            detail: detail.unwrap_or_default(),
        }),
        request_headers: sent,
        response_headers: answered,
        response_body: columns.response_body.unwrap_or_default(),
        response_truncated,
    })
}
