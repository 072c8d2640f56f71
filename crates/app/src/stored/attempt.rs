//! What of an attempt is only ever read with the whole of it.

use std::net::SocketAddr;
use std::time::Duration;

use fanfare_domain::attempt::{Attempt, AttemptError, ErrorKind, Timings, Trigger};
use fanfare_domain::id::AttemptId;
use fanfare_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

mod word;

use word::{Context, Word, Words};

/// A JSON list, shorter than one with names, in which frequent words are numbers: attempts are most of
/// what a store holds. A later form gets another number, and earlier ones are still read: the first had
/// no numbers for words.
#[derive(Serialize, Deserialize)]
#[serde(bound(deserialize = "W: Deserialize<'de>, D: Deserialize<'de>, H: Deserialize<'de>"))]
struct Rest<W, D, H>(
    /// The form.
    u8,
    /// The trigger.
    W,
    /// The URL.
    W,
    Option<SocketAddr>,
    /// The version of HTTP.
    Option<W>,
    /// Look-up, connect, TLS, first byte, total, in microseconds; without those before the first that
    /// is there.
    Vec<Option<u64>>,
    /// The error's detail.
    Option<D>,
    /// Headers sent, and headers of the answer.
    H,
    H,
    /// Whether the answer's body went on.
    bool,
);

const FORM: u8 = 2;

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
    let absent = parts.iter().take_while(|part| part.is_none()).count();
    let context = Context::new(attempt.id, attempt.started_at);
    serde_json::to_string(&Rest(
        FORM,
        context.word(match attempt.trigger {
            Trigger::Scheduled => SCHEDULED,
            Trigger::Manual => MANUAL,
        }),
        Word::Text((&*attempt.url).into()),
        attempt.address,
        attempt
            .http_version
            .as_deref()
            .map(|version| context.word(version)),
        parts
            .iter()
            .skip(absent)
            .map(|part| part.map(micros))
            .collect(),
        attempt.error.as_ref().map(|error| &*error.detail),
        Words(&context, &attempt.request_headers),
        Words(&context, &attempt.response_headers),
        attempt.response_truncated,
    ))
}

const SCHEDULED: &str = "scheduled";
const MANUAL: &str = "manual";

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
    /// A number stands for nothing, or a word is out of place.
    #[error("its {0} can't be understood")]
    Word(&'static str),
}

/// The attempt that was written as these columns.
///
/// # Errors
/// When `rest` can't be understood.
pub fn from_columns(columns: Columns) -> Result<Attempt, UnreadableRest> {
    let rest: Rest<Word<'static>, String, Vec<_>> = serde_json::from_str(&columns.rest)?;
    let Rest(form, trigger, url, address, version, timings, detail, sent, answered, truncated) =
        rest;
    if form == 0 || form > FORM {
        return Err(UnreadableRest::Form(form));
    }
    let context = Context::new(columns.id, columns.started_at);
    let text = |word: &Word<'_>, what| {
        let text = context.text(word).map(String::from);
        text.ok_or(UnreadableRest::Word(what))
    };
    let headers = |words: &[_], what| context.headers(words).ok_or(UnreadableRest::Word(what));
    let trigger = match &*text(&trigger, "trigger")? {
        SCHEDULED => Trigger::Scheduled,
        MANUAL => Trigger::Manual,
        _ => return Err(UnreadableRest::Word("trigger")),
    };
    // From the last on, since the first may be left out.
    let mut parts = timings
        .into_iter()
        .rev()
        .map(|part| part.map(Duration::from_micros));
    let mut part = || parts.next().flatten();
    let (total, first_byte, tls, connect, lookup) = (part(), part(), part(), part(), part());
    Ok(Attempt {
        id: columns.id,
        started_at: columns.started_at,
        trigger,
        url: text(&url, "URL")?,
        address,
        http_version: version
            .map(|version| text(&version, "version"))
            .transpose()?,
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
        request_headers: headers(&sent, "request's headers")?,
        response_headers: headers(&answered, "answer's headers")?,
        response_body: columns.response_body.unwrap_or_default(),
        response_truncated: truncated,
    })
}

#[cfg(test)]
mod tests;
