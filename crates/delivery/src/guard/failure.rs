//! Why there is no connection.

use fanfare_domain::attempt::ErrorKind;

/// Why there is no connection: the kind, and words for people that hold no secret.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{detail}")]
pub(crate) struct ConnectFailure {
    pub(crate) kind: ErrorKind,
    pub(crate) detail: String,
}

impl ConnectFailure {
    pub(crate) fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
        }
    }
}
