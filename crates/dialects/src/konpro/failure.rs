//! Why a request is refused, in the original's words.

use fanfare_app::UseCaseError;
use fanfare_app::port::StoreError;
use http::StatusCode;
use serde::Serialize;

use crate::door::Denied;

/// Why a request is refused.
#[derive(Debug)]
pub(super) enum Failure {
    /// The body is no JSON object within the bound.
    Body,
    /// A required field is absent.
    Absent(&'static str),
    /// A field has a wrong value or type.
    Wrong {
        /// Which.
        field: &'static str,
        /// What would be right.
        reason: String,
    },
    /// There can be no more endpoints.
    Full(String),
    /// No key that counts.
    Key,
    /// A key that may not.
    Permissions,
    /// The tenant has no such endpoint.
    Endpoint,
    /// There is no such operation.
    Route,
    /// Too many calls.
    Rate,
    /// A fault of the server's.
    Internal,
    /// Not now.
    Unavailable,
}

/// `{"code", "message", "details"}`.
#[derive(Serialize)]
pub(super) struct Told {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
}

#[derive(Serialize)]
struct Details {
    field: &'static str,
    reason: String,
}

impl Failure {
    pub(super) fn wrong(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Wrong {
            field,
            reason: reason.into(),
        }
    }

    /// The status and what `error` holds.
    pub(super) fn told(self) -> (StatusCode, Told) {
        let (status, code, message) = match &self {
            Self::Body | Self::Absent(_) => (
                StatusCode::BAD_REQUEST,
                "INVALID_REQUEST",
                "The request body is invalid",
            ),
            Self::Wrong { .. } => (
                StatusCode::BAD_REQUEST,
                "VALIDATION_ERROR",
                "The request parameters are invalid",
            ),
            Self::Full(why) => (StatusCode::BAD_REQUEST, "VALIDATION_ERROR", why.as_str()),
            Self::Key => (
                StatusCode::UNAUTHORIZED,
                "INVALID_API_KEY",
                "Invalid or missing API key",
            ),
            Self::Permissions => (
                StatusCode::FORBIDDEN,
                "INSUFFICIENT_PERMISSIONS",
                "Insufficient permissions",
            ),
            Self::Endpoint => (
                StatusCode::NOT_FOUND,
                "RESOURCE_NOT_FOUND",
                "Webhook endpoint not found",
            ),
            Self::Route => (
                StatusCode::NOT_FOUND,
                "RESOURCE_NOT_FOUND",
                "Resource not found",
            ),
            Self::Rate => (
                StatusCode::TOO_MANY_REQUESTS,
                "RATE_LIMIT_EXCEEDED",
                "Rate limit exceeded",
            ),
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "PROCESSING_ERROR",
                "Internal error",
            ),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "SERVICE_UNAVAILABLE",
                "Service unavailable",
            ),
        };
        let message = message.to_owned();
        let details = match self {
            Self::Absent(field) => Some(Details {
                field,
                reason: format!("{field} is required"),
            }),
            Self::Wrong { field, reason } => Some(Details { field, reason }),
            _ => None,
        };
        let told = Told {
            code,
            message,
            details,
        };
        (status, told)
    }
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Unknown => Self::Key,
            Denied::Forbidden => Self::Permissions,
            Denied::TooMany { .. } => Self::Rate,
        }
    }
}

impl From<UseCaseError> for Failure {
    fn from(cause: UseCaseError) -> Self {
        match cause {
            UseCaseError::NotFound { .. } => Self::Endpoint,
            UseCaseError::Limit(why) => Self::Full(why.detail),
            UseCaseError::Conflict(_) | UseCaseError::Filters(_) => Self::Unavailable,
            UseCaseError::Store(cause @ StoreError::Corrupt { .. }) => {
                internal(&cause);
                Self::Internal
            }
            UseCaseError::Store(cause) => {
                let error: &dyn std::error::Error = &cause;
                tracing::warn!(dialect = super::NAME, error, "the store did not answer");
                Self::Unavailable
            }
            UseCaseError::Invalid(_) => {
                internal(&cause);
                Self::Internal
            }
        }
    }
}

fn internal(error: &(dyn std::error::Error + 'static)) {
    tracing::error!(dialect = super::NAME, error, "a request could not be done");
}
