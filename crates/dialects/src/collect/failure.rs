//! Why a request is refused: the original's statuses with the two halves of its sentences.

use fanfare_app::UseCaseError;
use fanfare_app::error::Conflict;
use fanfare_app::port::StoreError;
use http::StatusCode;
use serde::Serialize;

use crate::body::BodyRefused;
use crate::door::Denied;

/// Why a request is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The request is wrong, and in what.
    Invalid(String),
    /// No key that counts.
    Unauthorized,
    /// A key that may not.
    Forbidden,
    /// There is no such webhook or operation.
    NotFound,
    /// Too many calls.
    TooMany,
    /// A fault of the server's.
    Internal,
    /// Not now.
    Unavailable,
}

/// `{"error", "message"}`.
#[derive(Serialize)]
pub(super) struct Told {
    error: &'static str,
    message: String,
}

impl Failure {
    pub(super) fn invalid(why: impl Into<String>) -> Self {
        Self::Invalid(why.into())
    }

    /// The status and the body.
    pub(super) fn told(&self) -> (StatusCode, Told) {
        let (status, error, message) = match self {
            Self::Invalid(_) => (
                StatusCode::BAD_REQUEST,
                "Bad Request",
                "Your request is invalid.",
            ),
            Self::Unauthorized => (
                StatusCode::UNAUTHORIZED,
                "Unauthorized",
                "Your API key is wrong.",
            ),
            Self::Forbidden => (
                StatusCode::FORBIDDEN,
                "Forbidden",
                "The object requested is hidden for administrators only.",
            ),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "Not Found",
                "The specified object could not be found.",
            ),
            Self::TooMany => (
                StatusCode::TOO_MANY_REQUESTS,
                "Too Many Requests",
                "You're requesting too many objects! Slow down!",
            ),
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "Internal Server Error",
                "We had a problem with our server. Try again later.",
            ),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Service Unavailable",
                "We're temporarily offline for maintenance. Please try again later.",
            ),
        };
        let message = match self {
            Self::Invalid(why) => format!("{message} {why}."),
            _ => message.to_owned(),
        };
        (status, Told { error, message })
    }
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Unknown => Self::Unauthorized,
            Denied::Forbidden => Self::Forbidden,
            Denied::TooMany { .. } => Self::TooMany,
        }
    }
}

impl From<BodyRefused> for Failure {
    fn from(refused: BodyRefused) -> Self {
        match refused {
            BodyRefused::TooLarge => Self::invalid("The body is too large"),
            _ => Self::invalid("The body could not be read"),
        }
    }
}

impl From<UseCaseError> for Failure {
    fn from(cause: UseCaseError) -> Self {
        let failure = match cause {
            UseCaseError::NotFound { .. } => return Self::NotFound,
            UseCaseError::Limit(why) => return Self::Invalid(why.detail),
            UseCaseError::Store(StoreError::Corrupt { .. }) | UseCaseError::Invalid(_) => {
                Self::Internal
            }
            // An id of chance that is taken.
            UseCaseError::Conflict(Conflict::Exists { .. }) => Self::Internal,
            UseCaseError::Conflict(_) | UseCaseError::Filters(_) | UseCaseError::Store(_) => {
                Self::Unavailable
            }
        };
        let error: &dyn std::error::Error = &cause;
        tracing::error!(dialect = super::NAME, error, "a request could not be done");
        failure
    }
}
