//! Why a request is refused, in the original's words.

use std::time::Duration;

use fanfare_app::UseCaseError;
use fanfare_app::error::Conflict;
use http::StatusCode;
use serde::Serialize;

use crate::body::BodyRefused;
use crate::door::Denied;

/// Why a request is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The input is wrong.
    Invalid {
        /// For programs.
        code: &'static str,
        /// For people.
        message: String,
    },
    /// No key that counts.
    Unauthorized,
    /// A key that may not.
    Forbidden,
    /// There is no such thing or path.
    NotFound,
    /// There is such a path, but not this way.
    Method,
    /// The body is too large.
    TooLarge,
    /// Too many calls.
    TooMany {
        /// How long until the next may come.
        retry_after: Duration,
    },
    /// The server can't, now or at all.
    Server,
}

/// `{"message", "code"}`.
#[derive(Serialize)]
pub(super) struct Told<'a> {
    message: &'a str,
    code: &'a str,
}

impl Failure {
    /// A required field is not there.
    pub(super) fn required(field: &str) -> Self {
        Self::Invalid {
            code: "required_field",
            message: format!("{field} is required"),
        }
    }

    /// A field can't be taken; the message names it.
    pub(super) fn field(message: impl Into<String>) -> Self {
        Self::Invalid {
            code: "invalid_field",
            message: message.into(),
        }
    }

    /// The body is no JSON object.
    pub(super) fn json(message: &str) -> Self {
        Self::Invalid {
            code: "invalid_json",
            message: message.to_owned(),
        }
    }

    /// The status and the body.
    pub(super) fn told(&self) -> (StatusCode, Told<'_>) {
        let (status, message, code) = match self {
            Self::Invalid { code, message } => (StatusCode::BAD_REQUEST, message.as_str(), *code),
            Self::Unauthorized => (
                StatusCode::UNAUTHORIZED,
                "access is unauthorized",
                "unauthorized",
            ),
            Self::Forbidden => (
                StatusCode::FORBIDDEN,
                "insufficient permissions",
                "forbidden",
            ),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "Requested resource does not exist",
                "resource_not_found",
            ),
            Self::Method => (
                StatusCode::METHOD_NOT_ALLOWED,
                "Method is not allowed for this resource",
                "method_not_allowed",
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "Request body is too large",
                "body_too_large",
            ),
            Self::TooMany { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                "Too many requests. Client has exceeded the rate limit for this endpoint.",
                "too_many_requests",
            ),
            Self::Server => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "Server error was encountered",
                "server_error",
            ),
        };
        (status, Told { message, code })
    }
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Unknown => Self::Unauthorized,
            Denied::Forbidden => Self::Forbidden,
            Denied::TooMany { retry_after } => Self::TooMany { retry_after },
        }
    }
}

impl From<BodyRefused> for Failure {
    fn from(refused: BodyRefused) -> Self {
        match refused {
            BodyRefused::TooLarge => Self::TooLarge,
            _ => Self::json("Request body could not be read"),
        }
    }
}

impl From<UseCaseError> for Failure {
    fn from(cause: UseCaseError) -> Self {
        match cause {
            UseCaseError::NotFound { .. } => Self::NotFound,
            UseCaseError::Conflict(Conflict::Exists { .. }) => Self::Invalid {
                code: "already_exists",
                message: "url is that of another endpoint already".to_owned(),
            },
            UseCaseError::Limit(why) => Self::Invalid {
                code: "limit_exceeded",
                message: why.detail,
            },
            UseCaseError::Conflict(_)
            | UseCaseError::Invalid(_)
            | UseCaseError::Filters(_)
            | UseCaseError::Store(_) => {
                let error: &dyn std::error::Error = &cause;
                tracing::error!(dialect = super::NAME, error, "a request could not be done");
                Self::Server
            }
        }
    }
}
